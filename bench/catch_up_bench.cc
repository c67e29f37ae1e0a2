// catch_up_bench: a member of a group of 100 was away for 500 epochs and 5,000 messages. `sync` as
// a whole process with a real server, against what the library alone takes for the same entries, in
// memory, for another member in the same run: at most twice as long.
#include <chrono>
#include <cstdio>

#include "client/content.h"
#include "client_process.h"
#include "qnpc/crypto/hash.h"
#include "qnpc/group/group_member.h"
#include "schemas/auth.capnp.h"
#include "tests/support/log_client.h"

namespace {

using namespace qnpc;
using group::GroupMember;
using test::as_data;

constexpr group::Suite suite = group::Suite::x25519;  // what the calls without a login give
constexpr size_t members = 100;
constexpr size_t epochs = 500;
constexpr size_t messages_each = 10;  // in an epoch
constexpr double target = 2;

UnixTime now() { return {static_cast<uint64_t>(time(nullptr))}; }

/// What this process, or its children that have ended, has computed.
double computed(int whose) {
  rusage usage{};
  getrusage(whose, &usage);
  auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A member without a network.
struct Member {
  explicit Member(Random& random)
      : identity(group::Identity::generate(random)), member(identity, keys, random) {}

  group::Identity identity;
  MemoryStorage keys;
  GroupMember member;
};

/// The group's log at the server, and a copy of what went there.
class Log {
 public:
  Log(kj::AsyncIoContext& io, const test::ServerProcess& server, const GroupMember& creator)
      : io_(io), client_(io, server.delivery, server.key), id_(creator.log_id()) {
    auto request = client_.service.createLogRequest();
    request.setLogId(as_data(id_));
    request.setTokenHash(as_data(hash(creator.append_token())));
    request.send().wait(io_.waitScope);
  }
  void append(const GroupMember& sender, Bytes message) {
    waiting_.push_back(
        filled(client_.service.appendRequest(), sender, message).send().ignoreResult());
    entries.push_back(std::move(message));
  }
  /// The committer's own epoch must not have ended yet.
  void commit(const GroupMember& committer, const group::OwnCommit& commit) {
    for (auto& each : std::exchange(waiting_, {})) each.wait(io_.waitScope);
    auto request = filled(client_.service.appendCommitRequest(), committer, commit.message);
    request.setNextTokenHash(as_data(hash(commit.next_token)));
    if (!request.send().wait(io_.waitScope).getOutcome().isAccepted()) std::abort();
    entries.push_back(commit.message);
  }
  void invite(View identity_key, View welcome) {
    auto request = client_.service.enqueueRequest();
    request.setRecipientKey(as_data(identity_key));
    request.setPayload(as_data(welcome));
    request.send().wait(io_.waitScope);
  }

  std::vector<Bytes> entries;

 private:
  static Bytes hash(const Secret& token) {
    return crypto::digest(crypto::Hash::sha256, token.reveal());
  }
  template <class Request>
  Request filled(Request request, const GroupMember& sender, View payload) {
    request.setLogId(as_data(id_));
    request.setEpoch(sender.epoch());
    request.setToken(as_data(sender.append_token().reveal()));
    request.setMessageId(as_data(test::numbered(16, ++last_)));
    request.setPayload(as_data(payload));
    return request;
  }

  kj::AsyncIoContext& io_;
  test::LogClient client_;
  Bytes id_;
  uint64_t last_ = 0;  // message id
  std::vector<kj::Promise<void>> waiting_;
};

Bytes key_package_of(kj::AsyncIoContext& io, const test::ServerProcess& server, View identity) {
  test::NoiseClient<rpc::AuthenticationService> client(io, server.authentication, server.key);
  auto request = client.service.fetchKeyPackageRequest();
  request.setIdentityKey(as_data(identity));
  auto answer = request.send().wait(io.waitScope);
  return Bytes(answer.getPackage().begin(), answer.getPackage().end());
}

void talk(Log& log, Member& sender, Member& other, Random& random) {
  for (size_t i = 0; i < messages_each; ++i) {
    client::Content content{{}, 0, "what was said while she was away, a line of usual length"};
    random.fill(content.id);
    Bytes message = sender.member.send_message(client::encode_content(content).reveal());
    other.member.receive_message(message, now());
    log.append(sender.member, std::move(message));
  }
  group::OwnCommit commit = sender.member.commit({}, now());
  log.commit(sender.member, commit);
  sender.member.enter_pending_commit();
  other.member.receive_message(commit.message, now());
}

}  // namespace

int main() {
  crypto::SystemRandom random;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  test::TemporaryDirectory directory;
  test::ServerProcess server(
      QNPC_SERVER, {"--open", "--no-rate-limits", "--data-dir", directory.file("data"), "--listen",
                    "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"});
  server.wait_ready();
  bench::Person carol(directory, server, "carol");
  const Bytes carols_key =
      from_hex(
          bench::object_with(carol("register"), "identity_key")["identity_key"].get<std::string>())
          .value();

  Member alice(random), bob(random), twin(random);  // the twin reads what Carol reads
  group::Changes changes;
  changes.add = {key_package_of(io, server, carols_key)};
  for (Member* member : {&bob, &twin}) {
    changes.add.push_back(member->member.generate_key_package(now(), suite));
  }
  while (changes.add.size() + 1 < members) {
    changes.add.push_back(Member(random).member.generate_key_package(now(), suite));
  }
  alice.member.create_group("friends", now(), suite);
  Log log(io, server, alice.member);
  group::OwnCommit added = alice.member.commit(changes, now());
  log.commit(alice.member, added);
  alice.member.enter_pending_commit();
  for (Member* member : {&bob, &twin}) member->member.join_group(added.welcome);
  log.invite(carols_key, added.welcome);
  carol("join");

  log.entries.clear();
  for (size_t i = 0; i < epochs; ++i) {
    talk(log, i % 2 == 0 ? alice : bob, i % 2 == 0 ? bob : alice, random);
  }

  auto begin = std::chrono::steady_clock::now();
  double before = computed(RUSAGE_SELF);
  for (const Bytes& entry : log.entries) twin.member.receive_message(entry, now());
  const double alone = seconds_since(begin);
  const double alone_computed = computed(RUSAGE_SELF) - before;
  begin = std::chrono::steady_clock::now();
  before = computed(RUSAGE_CHILDREN);
  const std::string said = carol("sync");
  const double whole = seconds_since(begin);
  const double whole_computed = computed(RUSAGE_CHILDREN) - before;
  const std::string state =
      bench::object_with(carol("groups"), "epoch_authenticator")["epoch_authenticator"];
  if (state != to_hex(twin.member.epoch_authenticator())) throw std::runtime_error(said);

  std::printf("catching up through %zu epochs and %zu messages in a group of %zu, seconds\n",
              epochs, epochs * messages_each, members);
  std::printf("%24s %14s %14s %8s\n", "", "library alone", "sync", "ratio");
  std::printf("%24s %14.2f %14.2f %8.2f  (target: at most %.0f)\n", "from beginning to end", alone,
              whole, whole / alone, target);
  std::printf("%24s %14.2f %14.2f %8.2f  (what a busy machine changes less)\n", "computing",
              alone_computed, whole_computed, whole_computed / alone_computed);
}
