// post_quantum_bench: what the hybrids cost. The hybrid handshake of the channel against the
// classic one, and groups of the X-Wing suite against suite 1, in the same run;
// docs/post-quantum.md has the table.
//
// Times are of processor, all threads together, the least of several runs that alternate. Groups
// are "warm": every member has committed.
//
// usage: qnpc-bench-post-quantum [MEMBERS]   of the groups; default: 2, 100 and 1000
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "measure.h"
#include "mls_world.h"
#include "qnpc/codec/length_prefixed.h"
#include "qnpc/noise/handshake.h"
#include "qnpc/noise/suite.h"

namespace {

using namespace qnpc;
using namespace qnpc::bench;

constexpr int rounds = 400;
constexpr size_t message_size = 256;
constexpr int batch = 10;  // messages for one measurement
constexpr double responder_target = 1.8;
constexpr double message_target = 1.05;

void print(const std::string& what, const char* unit, double before, double after,
           double target = 0) {
  std::printf("%-28s %10.1f %10.1f %-2s  ratio %5.2f", what.c_str(), before, after, unit,
              after / before);
  if (target != 0) std::printf("  at most %.2f", target);
  std::printf("\n");
}

// --- The channel ---

struct Handshakes {
  double initiator = std::numeric_limits<double>::infinity();
  double responder = initiator;
  size_t bytes = 0;  // of all three messages, in frames
};

class Channel {
 public:
  void shake_hands(noise::Suite suite, Handshakes& out) {
    const noise::Pattern& pattern = noise::pattern_of(suite);
    const Bytes payload = noise::to_payload(noise::all_suites);
    std::optional<noise::Handshake> initiator, responder;
    Bytes first, second, third;
    double initiators = spent_by([&] {
                          initiator.emplace(pattern, noise::Role::initiator, client_, random_);
                          first = initiator->write_message();
                        }).cpu;
    double responders = spent_by([&] {
                          responder.emplace(pattern, noise::Role::responder, server_, random_);
                          responder->read_message(first);
                          second = responder->write_message(payload);
                        }).cpu;
    initiators += spent_by([&] {
                    initiator->read_message(second);
                    third = initiator->write_message(payload);
                    std::move(*initiator).finish();
                  }).cpu;
    responders += spent_by([&] {
                    responder->read_message(third);
                    std::move(*responder).finish();
                  }).cpu;
    out.initiator = std::min(out.initiator, initiators);
    out.responder = std::min(out.responder, responders);
    out.bytes =
        first.size() + second.size() + third.size() + 3 * codec::LengthPrefixedCodec::header_size;
  }

 private:
  crypto::SystemRandom random_;
  noise::StaticKey client_ = crypto::generate_x25519_key(random_);
  noise::StaticKey server_ = crypto::generate_x25519_key(random_);
};

void bench_handshakes() {
  Channel channel;
  Handshakes classic, hybrid;
  for (int i = 0; i < rounds; ++i) {
    channel.shake_hands(noise::Suite::classic, classic);
    channel.shake_hands(noise::Suite::hybrid, hybrid);
  }
  std::printf("Noise handshake                 classic     hybrid\n");
  print("bytes on the wire", "B", static_cast<double>(classic.bytes),
        static_cast<double>(hybrid.bytes));
  print("initiator", "us", classic.initiator, hybrid.initiator);
  print("responder", "us", classic.responder, hybrid.responder, responder_target);
}

// --- Groups ---

struct Costs {
  size_t key_package_bytes = 0, commit_bytes = 0, add_bytes = 0, welcome_bytes = 0;
  size_t message_bytes = 0;
  double key_package = 0, commit = 0, process = 0, add = 0, join = 0;
};

Costs measure(World& w) {
  Costs out;
  mls::Group& alice = *w.alice_group;
  const Bytes commit = alice.commit({}, w.alice.signer, now, w.random).message;
  out.commit_bytes = commit.size();
  out.commit = least_of_many([&] { alice.commit({}, w.alice.signer, now, w.random); }).cpu;
  out.process = least_of_many([&] { w.bob_group->process(mls::parse_message(commit), now); }).cpu;
  out.key_package = least_of_many([&] { make_client(w.suite, w.random); }).cpu;
  const Client carol = make_client(w.suite, w.random);
  out.key_package_bytes = mls::to_message(mls::KeyPackage(carol.package)).size();
  mls::NewCommit add;
  const auto add_carol = [&] {
    add = alice.commit(adding({&carol}), w.alice.signer, now, w.random);
  };
  out.add = least_of_many(add_carol).cpu;
  out.add_bytes = add.message.size();
  out.welcome_bytes = add.welcome->size();
  out.join = least_of_many([&] { join(*add.welcome, carol); }).cpu;
  return out;
}

// Processor time of each: to protect, and to unprotect.
std::array<double, 2> bench_messages(World& w, const Bytes& data, size_t& wire) {
  std::array<Bytes, batch> messages;
  const double protect = spent_by([&] {
                           for (Bytes& message : messages) {
                             message = w.alice_group->protect(data, w.alice.signer, 0, w.random);
                           }
                         }).cpu;
  const double unprotect = spent_by([&] {
                             for (const Bytes& message : messages) {
                               w.bob_group->process(mls::parse_message(message), now);
                             }
                           }).cpu;
  wire = messages[0].size();
  return {protect / batch, unprotect / batch};
}

void bench_group(uint32_t members, crypto::SystemRandom& random) {
  std::array<World, 2> worlds{make_world(suite_1, Shape::warm, members, random),
                              make_world(xwing_suite, Shape::warm, members, random)};
  std::array<size_t, 2> wire{};
  std::array<std::array<double, 2>, 2> least{};
  for (auto& times : least) times.fill(std::numeric_limits<double>::infinity());
  const Bytes data = random.bytes(message_size);
  for (int round = 0; round < rounds / batch; ++round) {
    for (size_t i : {0, 1}) {
      const auto spent = bench_messages(worlds[i], data, wire[i]);
      for (size_t j : {0, 1}) least[i][j] = std::min(least[i][j], spent[j]);
    }
  }
  const Costs a = measure(worlds[0]), b = measure(worlds[1]);
  const auto bytes = [&](const char* what, size_t Costs::*field) {
    print(what, "B", static_cast<double>(a.*field), static_cast<double>(b.*field));
  };
  std::printf("\n%-5u members                  suite 1     X-Wing\n", members);
  bytes("KeyPackage", &Costs::key_package_bytes);
  print("  make identity and package", "us", a.key_package, b.key_package);
  bytes("commit", &Costs::commit_bytes);
  print("  make", "us", a.commit, b.commit);
  print("  process", "us", a.process, b.process);
  bytes("commit that adds one", &Costs::add_bytes);
  bytes("  its Welcome", &Costs::welcome_bytes);
  print("  make both", "us", a.add, b.add);
  print("  join", "us", a.join, b.join);
  print("message of 256 bytes", "B", static_cast<double>(wire[0]), static_cast<double>(wire[1]));
  print("  protect", "us", least[0][0], least[1][0], message_target);
  print("  unprotect", "us", least[0][1], least[1][1], message_target);
}

}  // namespace

int main(int argc, char** argv) {
  bench_handshakes();
  crypto::SystemRandom random;
  std::vector<uint32_t> sizes{2, 100, 1000};
  if (argc > 1) sizes.assign(1, static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)));
  for (uint32_t members : sizes) bench_group(members, random);
}
