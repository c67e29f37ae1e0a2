// server_test: the server as a process. It is killed, starved, lied to and told to stop; what it
// has acknowledged stays, and what cannot work is refused with a clear message and exit code.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "schemas/auth.capnp.h"
#include "schemas/delivery.capnp.h"
#include "schemas/rpc_error.h"
#include "tests/support/noise_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

using test::ServerProcess;
using AuthenticationClient = test::NoiseClient<rpc::AuthenticationService>;
using DeliveryClient = test::NoiseClient<rpc::DeliveryService>;

capnp::Data::Reader as_data(View view) { return {view.data(), view.size()}; }
Bytes bytes_of(capnp::Data::Reader data) { return Bytes(data.begin(), data.end()); }

Bytes numbered(size_t size, uint32_t number) {
  Bytes bytes(size);
  for (size_t i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  return bytes;
}

class Server : public testing::Test {
 protected:
  ~Server() noexcept override = default;

  std::vector<std::string> arguments(std::vector<std::string> more = {}) {
    std::vector<std::string> all = {
        "--open",      "--no-rate-limits", "--data-dir",  data,        "--listen",
        "127.0.0.1:0", "--ds-listen",      "127.0.0.1:0", "--threads", "2"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::unique_ptr<ServerProcess> start(rlim_t most_files = 0) {
    auto server = std::make_unique<ServerProcess>(QNPC_SERVER, arguments(), most_files);
    server->wait_ready();
    return server;
  }
  /// What the server says when it cannot start, behind its exit code: "3: cannot listen ...".
  std::string refusal(std::vector<std::string> all_arguments) {
    ServerProcess server(QNPC_SERVER, std::move(all_arguments));
    int code = server.wait();
    return std::to_string(code) + ": " + server.log();
  }

  kj::Promise<void> upload(AuthenticationClient& client, View package) {
    auto request = client.service.uploadKeyPackageRequest();
    request.setIdentityKey(as_data(alice));
    request.setPackage(as_data(package));
    return request.send().ignoreResult();
  }
  kj::Promise<Bytes> take(AuthenticationClient& client) {
    auto request = client.service.fetchKeyPackageRequest();
    request.setIdentityKey(as_data(alice));
    return request.send().then([](auto&& answer) { return bytes_of(answer.getPackage()); });
  }
  kj::Promise<void> enqueue(DeliveryClient& client, View payload, View id) {
    auto request = client.service.enqueueRequest();
    request.setRecipientKey(as_data(alice));
    request.setPayload(as_data(payload));
    request.setMessageId(as_data(id));
    return request.send().ignoreResult();
  }
  std::vector<Bytes> drain(DeliveryClient& client) {
    auto request = client.service.fetchRequest();
    request.setRecipientKey(as_data(alice));
    auto answer = request.send().wait(io.waitScope);
    std::vector<Bytes> payloads;
    for (auto payload : answer.getPayloads()) payloads.push_back(bytes_of(payload));
    return payloads;
  }

  test::TemporaryDirectory directory;
  std::string data = directory.file("data");
  kj::AsyncIoContext io = kj::setupAsyncIo();
  Bytes alice = Bytes(32, 'a');
};

TEST_F(Server, KeepsItsKeyAndPrintsIt) {
  auto server = start();
  std::string key = server->key;
  EXPECT_EQ(key.size(), 64u);
  ServerProcess printer(QNPC_SERVER, arguments({"--print-key"}));
  EXPECT_EQ(printer.read_line(), key);
  EXPECT_EQ(printer.wait(), 0);
  server.reset();
  EXPECT_EQ(start()->key, key);
}

TEST_F(Server, LosesNothingAcknowledgedAndGivesNothingTwiceWhenKilled) {
  constexpr uint32_t packages = 200;
  std::set<Bytes> taken;
  std::set<uint32_t> enqueued;
  uint32_t next_message = 0;
  auto server = start();
  {
    AuthenticationClient client(io, server->authentication, server->key);
    for (uint32_t i = 0; i < packages; ++i) upload(client, numbered(300, i)).wait(io.waitScope);
  }
  for (size_t acknowledged_before_kill : {5, 30, 80}) {
    {
      AuthenticationClient authentication(io, server->authentication, server->key);
      DeliveryClient delivery(io, server->delivery, server->key);
      size_t answers = 0;
      std::vector<kj::Promise<void>> calls;
      auto answered = [&] {
        if (++answers == acknowledged_before_kill) server->send(SIGKILL);
      };
      for (int i = 0; i < 50; ++i) {
        calls.push_back(take(authentication).then([&](Bytes&& package) {
          EXPECT_TRUE(taken.insert(package).second) << "handed out twice";
          answered();
        }));
        uint32_t number = next_message++;
        calls.push_back(
            enqueue(delivery, numbered(1000, number), numbered(16, number)).then([&, number] {
              enqueued.insert(number);
              answered();
            }));
      }
      for (auto& call : calls) {
        call.catch_([](kj::Exception&& e) {
              EXPECT_EQ(rpc::from_exception(e).reason(), Reason::unknown)
                  << e.getDescription().cStr();
            })
            .wait(io.waitScope);
      }
      EXPECT_GE(answers, acknowledged_before_kill);
    }
    EXPECT_EQ(server->wait(), 128 + SIGKILL);
    server = start();
  }
  AuthenticationClient authentication(io, server->authentication, server->key);
  for (Bytes package = take(authentication).wait(io.waitScope); !package.empty();
       package = take(authentication).wait(io.waitScope)) {
    EXPECT_TRUE(taken.insert(package).second) << "handed out twice after a restart";
  }
  // Whoever heard no answer repeats the call with the same id: then everything is there once.
  DeliveryClient delivery(io, server->delivery, server->key);
  for (uint32_t number = 0; number < next_message; ++number) {
    if (enqueued.contains(number)) continue;
    enqueue(delivery, numbered(1000, number), numbered(16, number)).wait(io.waitScope);
  }
  std::multiset<Bytes> expected;
  for (uint32_t number = 0; number < next_message; ++number) {
    expected.insert(numbered(1000, number));
  }
  std::vector<Bytes> all = drain(delivery);
  EXPECT_EQ(std::multiset<Bytes>(all.begin(), all.end()), expected);
}

TEST_F(Server, AnswersWhatIsInFlightWhenToldToStop) {
  auto server = start();
  std::set<uint32_t> enqueued;
  {
    DeliveryClient delivery(io, server->delivery, server->key);
    std::vector<kj::Promise<void>> calls;
    for (uint32_t number = 0; number < 200; ++number) {
      calls.push_back(enqueue(delivery, numbered(5000, number), {}).then([&, number] {
        if (enqueued.empty()) server->send(SIGTERM);
        enqueued.insert(number);
      }));
    }
    for (auto& call : calls) call.catch_([](kj::Exception&&) {}).wait(io.waitScope);
  }
  EXPECT_EQ(server->wait(), 0) << server->log();
  EXPECT_FALSE(enqueued.empty());
  server = start();
  DeliveryClient delivery(io, server->delivery, server->key);
  std::vector<Bytes> all = drain(delivery);
  // Each call in flight got its answer: nothing is stored of which the caller does not know.
  EXPECT_EQ(all.size(), enqueued.size());
}

TEST_F(Server, StopsAlthoughAPeerIsSilent) {
  auto server = start();
  DeliveryClient idle(io, server->delivery, server->key);
  auto raw = io.provider->getNetwork()
                 .parseAddress(server->delivery.c_str())
                 .wait(io.waitScope)
                 ->connect()
                 .wait(io.waitScope);
  server->send(SIGINT);
  EXPECT_EQ(server->wait(), 0);
}

TEST_F(Server, GarbageDisturbsNobody) {
  auto server = start();
  DeliveryClient client(io, server->delivery, server->key);
  std::vector<kj::Own<kj::AsyncIoStream>> others;
  auto address =
      io.provider->getNetwork().parseAddress(server->delivery.c_str()).wait(io.waitScope);
  std::string samples[] = {"", "GET / HTTP/1.1\r\n\r\n", std::string(2, '\0'),
                           std::string("\x00\x20short", 7), std::string(100'000, '\xff')};
  for (int round = 0; round < 10; ++round) {
    for (const std::string& sample : samples) {
      auto other = address->connect().wait(io.waitScope);
      other->write(sample.data(), sample.size()).catch_([](kj::Exception&&) {}).wait(io.waitScope);
      others.push_back(kj::mv(other));
      enqueue(client, as_view("x"), {}).wait(io.waitScope);
    }
  }
  // Inside a channel garbage ends that channel, and no other.
  auto channel = test::connect_noise(io, server->delivery, server->key);
  Bytes garbage(5000, 0xee);
  channel->write(garbage.data(), garbage.size()).wait(io.waitScope);
  char byte = 0;
  size_t read = channel->tryRead(&byte, 1, 1)
                    .catch_([](kj::Exception&&) { return size_t{0}; })
                    .wait(io.waitScope);
  EXPECT_LE(read, 1u);
  EXPECT_EQ(drain(client).size(), 50u);
}

TEST_F(Server, AMessageOverTheLimitEndsItsConnectionOnly) {
  auto server = start();
  DeliveryClient client(io, server->delivery, server->key);
  DeliveryClient greedy(io, server->delivery, server->key);
  auto reason = [&](size_t size) {
    return enqueue(greedy, Bytes(size), {})
        .then([] { return Reason::internal; },
              [](kj::Exception&& e) { return rpc::from_exception(e).reason(); })
        .wait(io.waitScope);
  };
  EXPECT_EQ(reason(size_t{4} << 20), Reason::internal);  // it did not fail
  EXPECT_EQ(reason((size_t{4} << 20) + 1), Reason::too_large);
  EXPECT_EQ(reason(size_t{9} << 20), Reason::unknown);  // not even read
  EXPECT_EQ(drain(client).size(), 1u);
}

// Of more than 8 MiB nothing had come, and nothing was left.
TEST_F(Server, MoreThanOneAnswerHoldsIsFetchedInParts) {
  auto server = start();
  DeliveryClient client(io, server->delivery, server->key);
  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < 4; ++i) {
    sent.push_back(numbered(size_t{4} << 20, i));
    enqueue(client, sent.back(), {}).wait(io.waitScope);
  }
  for (uint32_t i = 0; i < 1000; ++i) {
    sent.push_back(numbered(9, i));
    enqueue(client, sent.back(), {}).wait(io.waitScope);
  }
  std::vector<Bytes> received;
  for (auto part = drain(client); !part.empty(); part = drain(client)) {
    received.insert(received.end(), part.begin(), part.end());
  }
  EXPECT_EQ(received, sent);
}

TEST_F(Server, SurvivesRunningOutOfFileDescriptors) {
  auto server = start(48);
  auto address =
      io.provider->getNetwork().parseAddress(server->delivery.c_str()).wait(io.waitScope);
  {
    std::vector<kj::Own<kj::AsyncIoStream>> many;
    for (int i = 0; i < 100; ++i) many.push_back(address->connect().wait(io.waitScope));
    for (int i = 0; i < 50 && server->log().find("accept_failed") == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    EXPECT_NE(server->log().find("accept_failed"), std::string::npos);
  }
  DeliveryClient client(io, server->delivery, server->key);
  enqueue(client, as_view("x"), {}).wait(io.waitScope);
  EXPECT_EQ(drain(client).size(), 1u);
}

TEST_F(Server, LogsNeitherPayloadsNorKeys) {
  ServerProcess server(QNPC_SERVER, arguments({"--log-level", "trace", "--log-format", "json"}));
  server.wait_ready();
  {
    DeliveryClient client(io, server.delivery, server.key);
    enqueue(client, as_view("a secret payload"), {}).wait(io.waitScope);
  }
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 0);
  EXPECT_NE(server.log().find("\"event\":\"connection_accepted\""), std::string::npos);
  EXPECT_EQ(server.log().find("secret"), std::string::npos);
  EXPECT_EQ(server.log().find(to_hex(alice)), std::string::npos);
  EXPECT_EQ(server.log().find(server.key), std::string::npos);
}

TEST_F(Server, RefusesAPortInUse) {
  auto server = start();
  std::string other = directory.file("other");
  std::string said = refusal({"--data-dir", other, "--listen", server->authentication});
  EXPECT_EQ(said.substr(0, 3), "3: ");
  EXPECT_NE(said.find(server->authentication), std::string::npos) << said;
  EXPECT_NE(said.find("choose another port"), std::string::npos) << said;
}

TEST_F(Server, RefusesADirectoryInUse) {
  auto server = start();
  std::string said = refusal(arguments());
  EXPECT_EQ(said.substr(0, 3), "4: ");
  EXPECT_NE(said.find("another server uses"), std::string::npos) << said;
}

TEST_F(Server, RefusesADirectoryThatCannotBe) {
  std::ofstream(directory.file("file")) << "x";
  std::string said = refusal({"--data-dir", directory.file("file") + "/data"});
  EXPECT_EQ(said.substr(0, 3), "4: ");
  EXPECT_NE(said.find("--data-dir"), std::string::npos) << said;
}

TEST_F(Server, RefusesACorruptDatabaseAndLeavesItAlone) {
  start()->send(SIGTERM);
  std::string database = data + "/server.db";
  std::string garbage(20'000, 'g');
  std::filesystem::remove(database + "-wal");
  std::ofstream(database, std::ios::trunc) << garbage;
  std::string said = refusal(arguments());
  EXPECT_EQ(said.substr(0, 3), "4: ");
  EXPECT_NE(said.find("Nothing was changed"), std::string::npos) << said;
  std::ifstream file(database);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), garbage);
}

TEST_F(Server, RefusesAPublicAddressThatIsNoneBeforeItMakesAnything) {
  std::string said = refusal({"--data-dir", data, "--public-address", "http://chat"});
  EXPECT_EQ(said.substr(0, 3), "2: ") << said;
  EXPECT_FALSE(std::filesystem::exists(data));
}

TEST_F(Server, RefusesSettingsThatMakeNoSense) {
  for (std::vector<std::string> bad :
       {std::vector<std::string>{"--nonsense"}, {"--threads", "many"}, {"--log-level", "loud"}}) {
    EXPECT_EQ(refusal(arguments(bad)).substr(0, 3), "2: ");
  }
  EXPECT_EQ(refusal({"--data-dir", data, "--listen", "nowhere"}).substr(0, 3), "3: ");
}

/// A file system of one MiB, where this user may make one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_;
};

TEST_F(Server, AFullDiskAnswersOverloadedAndRecovers) {
  SmallDisk disk(data);
  if (!disk.mounted()) GTEST_SKIP() << "this user may not mount a small disk";
  auto server = start();
  DeliveryClient client(io, server->delivery, server->key);
  Reason reason = Reason::internal;
  size_t stored = 0;
  for (uint32_t i = 0; i < 100 && reason == Reason::internal; ++i) {
    enqueue(client, numbered(50'000, i), {})
        .then([&] { ++stored; },
              [&](kj::Exception&& e) { reason = rpc::from_exception(e).reason(); })
        .wait(io.waitScope);
  }
  EXPECT_EQ(reason, Reason::overloaded);
  size_t there = 0;
  uint64_t after = 0;
  for (bool more = true; more;) {
    auto read = client.service.readRequest();
    read.setRecipientKey(as_data(alice));
    read.setAfter(after);
    auto page = read.send().wait(io.waitScope);
    more = page.getMore();
    there += page.getEntries().size();
    after = page.getEntries()[page.getEntries().size() - 1].getSequence();
  }
  EXPECT_EQ(there, stored);
  ASSERT_EQ(mount("tmpfs", data.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
  enqueue(client, numbered(50'000, 0), {}).wait(io.waitScope);
  EXPECT_EQ(drain(client).size(), stored + 1);
}

}  // namespace
}  // namespace qnpc
