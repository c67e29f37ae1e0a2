#include "client/state/state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "client/state/file.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::client {
namespace {

using Mode = State::Mode;

class StateFile : public testing::Test {
 protected:
  StateFile() {
    char pattern[] = "/tmp/qnpc_state_test.XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~StateFile() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/inner/state.db"; }
  std::unique_ptr<State> create() {
    return State::open(path(), Mode::create_if_missing, options_, random_);
  }
  std::unique_ptr<State> open() { return State::open(path(), Mode::must_exist, options_, random_); }
  Reason reason_of_open() {
    try {
      open();
    } catch (const Error& e) {
      return e.reason();
    }
    ADD_FAILURE() << "the state opened";
    return Reason::internal;
  }
  std::string raw_file() {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void overwrite(std::string_view content) {
    std::ofstream(path(), std::ios::binary | std::ios::trunc) << content;
  }

  crypto::SystemRandom random_;
  KeyOptions options_;
  std::string folder_;
};

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

TEST_F(StateFile, IsPrivateAndKeepsItsIdentity) {
  Secret seed = create()->identity_seed();
  EXPECT_EQ(mode_of(path()), 0600u);
  EXPECT_EQ(mode_of(path() + ".key"), 0600u);
  EXPECT_EQ(mode_of(folder_ + "/inner"), 0700u);
  EXPECT_EQ(open()->identity_seed(), seed);
  EXPECT_EQ(create()->identity_seed(), seed);
}

TEST_F(StateFile, HoldsNoPlaintext) {
  create();
  std::unique_ptr<State> state = open();
  HistoryEntry entry;
  entry.content = Secret::copy_of(as_view("attack at dawn, by the old mill"));
  state->history.append(entry);
  state->groups.add(as_view("group id"), "mountaineers", true);
  state.reset();
  EXPECT_EQ(raw_file().find("attack at dawn"), std::string::npos);
  EXPECT_EQ(raw_file().find("mountaineers"), std::string::npos);
}

// A used key must not be found by whoever gets file and key later: neither as it was nor sealed.
TEST_F(StateFile, OverwrittenAndErasedRecordsAreGoneFromTheDisk) {
  std::unique_ptr<State> state = create();
  Records records = state->group_records(1);
  const std::vector<std::string> names{"group/secret/7/0", "group/secret/7/2", "group/epoch",
                                       "group/pending"};
  std::vector<std::string> gone, kept;
  auto sealed = [&](const std::string& name) {
    Query q =
        state->database().query("SELECT value FROM records WHERE name = ?", std::string_view(name));
    EXPECT_TRUE(q.next());
    return to_text(q.blob(0));
  };
  for (size_t i = 0; i < names.size(); ++i) {
    Secret value = random_.secret(i == 3 ? 20'000 : 100);  // the last is longer than a page
    records.put(names[i], value);
    gone.push_back(to_text(value.reveal()));
    gone.push_back(sealed(names[i]));
  }
  records.put("group/node/0", random_.secret(100));
  kept.push_back(sealed("group/node/0"));
  state.reset();
  for (const std::string& row : {gone[1], gone[7].substr(0, 500)}) {
    ASSERT_NE(raw_file().find(row), std::string::npos) << "it is looked for in the right place";
  }

  state = open();
  Records again = state->group_records(1);
  again.erase_all("group/secret/7/");
  again.put("group/epoch", random_.secret(100));
  again.erase("group/pending");
  EXPECT_FALSE(again.get("group/secret/7/0"));
  EXPECT_FALSE(again.get("group/secret/7/2"));
  state->database().run("PRAGMA wal_checkpoint(TRUNCATE)");
  state.reset();
  EXPECT_FALSE(exists(path() + "-wal"));
  for (const std::string& bytes : gone) {
    for (size_t at = 0; at + 32 <= bytes.size(); at += 32) {
      EXPECT_EQ(raw_file().find(bytes.substr(at, 32)), std::string::npos);
      if (at > 1000) break;  // the start of a long one, and what follows, lie on the same pages
    }
  }
  EXPECT_NE(raw_file().find(kept[0]), std::string::npos);
}

TEST_F(StateFile, MissingIsNotCreatedByAccident) {
  EXPECT_EQ(reason_of_open(), Reason::io);
  EXPECT_FALSE(exists(path()));
}

TEST_F(StateFile, ForeignDatabaseIsRefusedAndLeftAlone) {
  create();
  {
    Database database(path(), std::chrono::seconds(1));
    database.run("PRAGMA application_id = 77");
  }
  EXPECT_EQ(reason_of_open(), Reason::corrupt);
}

TEST_F(StateFile, NewerVersionIsRefused) {
  create();
  {
    Database database(path(), std::chrono::seconds(1));
    database.run("PRAGMA user_version = 99");
  }
  EXPECT_EQ(reason_of_open(), Reason::unsupported);
}

TEST_F(StateFile, GarbageIsRefusedAndLeftAlone) {
  create();
  std::string garbage(10000, 'x');
  overwrite(garbage);
  EXPECT_EQ(reason_of_open(), Reason::corrupt);
  EXPECT_EQ(raw_file(), garbage);
}

TEST_F(StateFile, IsOneProcessAtATime) {
  std::unique_ptr<State> holder = create();
  EXPECT_EQ(reason_of_open(), Reason::unavailable);
  std::thread releases([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    holder.reset();
  });
  EXPECT_NO_THROW(open());  // it waited
  releases.join();
}

TEST_F(StateFile, MissingOrWrongKeyFile) {
  create();
  std::filesystem::rename(path() + ".key", path() + ".kept");
  EXPECT_EQ(reason_of_open(), Reason::io);
  create_private_file(path() + ".key", Bytes(32, 7));
  EXPECT_EQ(reason_of_open(), Reason::unauthorized);
  options_.key_file = path() + ".kept";
  EXPECT_NO_THROW(open());
}

TEST_F(StateFile, KeyFileReadableByOthersIsRefused) {
  create();
  chmod((path() + ".key").c_str(), 0644);
  EXPECT_EQ(reason_of_open(), Reason::io);
}

TEST_F(StateFile, Passphrase) {
  std::string asked;
  std::string answer = "correct horse";
  options_.ask_passphrase = true;
  options_.prompt = [&](bool confirm) {
    asked += confirm ? "c" : "o";
    return Secret::copy_of(as_view(answer));
  };
  Secret seed = create()->identity_seed();
  EXPECT_FALSE(exists(path() + ".key"));
  options_.ask_passphrase = false;
  EXPECT_EQ(open()->identity_seed(), seed);
  answer = "battery staple";
  EXPECT_EQ(reason_of_open(), Reason::unauthorized);
  EXPECT_EQ(asked, "coo");

  std::string file = folder_ + "/passphrase";
  create_private_file(file, as_view("correct horse\nanything"));
  options_.passphrase_file = file;
  EXPECT_EQ(open()->identity_seed(), seed);
}

TEST_F(StateFile, SwappedAndAlteredValuesAreFound) {
  create();
  std::unique_ptr<State> state = open();
  state->meta.put("a", as_view("one"));
  state->meta.put("b", as_view("two"));
  state->database().run(
      "UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'a') WHERE name = 'b'");
  EXPECT_THROW(state->meta.get("b"), Error);
  EXPECT_EQ(*state->meta.get("a"), Secret::copy_of(as_view("one")));
}

TEST_F(StateFile, TransactionIsAllOrNothing) {
  std::unique_ptr<State> state = create();
  {
    Transaction transaction(state->database());
    state->meta.put("a", as_view("one"));
  }
  EXPECT_FALSE(state->meta.get("a"));
  {
    Transaction transaction(state->database());
    state->meta.put("a", as_view("one"));
    transaction.commit();
  }
  state.reset();
  EXPECT_TRUE(open()->meta.get("a"));
}

class Tables : public testing::Test {
 protected:
  crypto::SystemRandom random_;
  std::unique_ptr<State> state_ = State::in_memory(random_);
};

TEST_F(Tables, RecordsAreSeparateByGroup) {
  Records one = state_->group_records(1), two = state_->group_records(2);
  one.put("epoch", Secret::copy_of(as_view("a")));
  two.put("epoch", Secret::copy_of(as_view("b")));
  two.erase("epoch");
  two.erase("never there");
  two.erase_all("ep");
  EXPECT_EQ(*one.get("epoch"), Secret::copy_of(as_view("a")));
  EXPECT_FALSE(two.get("epoch"));
}

TEST_F(Tables, AliasesAreUnique) {
  EXPECT_EQ(state_->groups.add(as_view("1"), "friends", true).alias, "friends");
  EXPECT_EQ(state_->groups.add(as_view("2"), "friends", false).alias, "friends-2");
  EXPECT_EQ(state_->groups.add(as_view("3"), "friends", true).alias, "friends-3");
  Group group = *state_->groups.with_mls_id(as_view("2"));
  EXPECT_FALSE(group.accepted);
  group.accepted = true;
  group.alias = "work";
  state_->groups.update(group);
  EXPECT_TRUE(state_->groups.with_alias("work")->accepted);
  EXPECT_FALSE(state_->groups.with_alias("friends-2"));
  EXPECT_EQ(state_->groups.list().size(), 3u);
}

TEST_F(Tables, HistoryShowsOnce) {
  for (const char* text : {"one", "two", "three"}) {
    HistoryEntry entry;
    entry.group = text[0] == 'o' ? 1 : 2;
    entry.sender = {1, 2};
    entry.content = Secret::copy_of(as_view(text));
    state_->history.append(entry);
  }
  std::string seen;
  auto note = [&](const HistoryEntry& e) {
    seen += to_text(e.content.reveal()) + " ";
    state_->history.mark_shown(e.id);
  };
  state_->history.each(true, GroupRef{2}, note);
  EXPECT_EQ(seen, "two three ");
  state_->history.each(true, std::nullopt, note);
  EXPECT_EQ(seen, "two three one ");
  state_->history.each(true, std::nullopt, note);
  EXPECT_EQ(seen, "two three one ");
  state_->history.each(false, std::nullopt, note);
  EXPECT_EQ(seen, "two three one one two three ");
}

TEST_F(Tables, OutboxKeepsIdsUntilEachIsDelivered) {
  Recipient alice{Bytes(32, 1), Bytes(32, 3)}, bob{Bytes(32, 2), {}};
  state_->outbox.add(as_view("nobody"), {}, random_);
  state_->outbox.add(as_view("commit"), {alice, bob}, random_);
  state_->outbox.add(as_view("welcome"), {bob}, random_);
  std::vector<int64_t> waiting = state_->outbox.waiting();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(state_->outbox.payload(waiting[0]), Secret::copy_of(as_view("commit")));
  std::vector<Delivery> deliveries = state_->outbox.deliveries(waiting[0]);
  ASSERT_EQ(deliveries.size(), 2u);
  EXPECT_EQ(deliveries[0].recipient.identity_key, alice.identity_key);
  EXPECT_EQ(deliveries[0].recipient.token, alice.token);
  EXPECT_EQ(deliveries[1].recipient.token, bob.token);
  EXPECT_NE(deliveries[0].message_id, deliveries[1].message_id);
  EXPECT_EQ(state_->outbox.deliveries(waiting[0])[1].message_id, deliveries[1].message_id);
  state_->outbox.remove(deliveries[1]);
  EXPECT_EQ(state_->outbox.deliveries(waiting[0]).size(), 1u);
  state_->outbox.remove(deliveries[0]);
  EXPECT_EQ(state_->outbox.waiting(), std::vector<int64_t>{waiting[1]});
}

TEST_F(Tables, CursorIsPerServerAndPayloadsAreRecognised) {
  Bytes one(32, 1), two(32, 2);
  EXPECT_EQ(state_->inbox.cursor(one), 0u);
  state_->inbox.set_cursor(one, 41);
  EXPECT_EQ(state_->inbox.cursor(one), 41u);
  EXPECT_EQ(state_->inbox.cursor(two), 0u);
  EXPECT_FALSE(state_->inbox.knows(as_view("x")));
  state_->inbox.remember(as_view("x"));
  state_->inbox.remember(as_view("x"));
  EXPECT_TRUE(state_->inbox.knows(as_view("x")));
  EXPECT_FALSE(state_->inbox.knows(as_view("y")));
}

}  // namespace
}  // namespace qnpc::client
