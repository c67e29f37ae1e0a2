// protect_bench: an application message of 256 bytes, protected and unprotected, against the bare
// Ed25519 signature and verification that it cannot do without, in one run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "qnpc/crypto/system_random.h"
#include "qnpc/group/identity.h"
#include "qnpc/group/key_package.h"
#include "qnpc/mls/group.h"

namespace {

using namespace qnpc;

constexpr size_t message_size = 256;
constexpr int batch = 500;  // within the generations that a receiver goes forward
constexpr int rounds = 15;
constexpr UnixTime now{1'800'000'000};

template <class Body>
double microseconds_each(Body&& body) {
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < batch; ++i) body(i);
  std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / batch;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void print(const char* what, const char* primitive, const std::vector<double>& ours,
           const std::vector<double>& floor, double target) {
  std::vector<double> ratios;
  for (size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / floor[i]);
  double ratio = median(ratios);
  std::printf("%-10s %7.1f us   %-16s %7.1f us   ratio %.2f (at most %.2f)\n", what, median(ours),
              primitive, median(floor), ratio, target);
}

}  // namespace

int main() {
  crypto::SystemRandom random;
  auto alice = group::Identity::generate(random);
  auto bob = group::Identity::generate(random);
  MemoryStorage keys;
  const mls::Suite& suite = mls::suite_of(group::cipher_suite(group::Suite::x25519));
  mls::Group sender = mls::Group::create(suite, random.bytes(32), group::leaf_template(alice, now),
                                         {}, alice.key_pair(), random);
  mls::CommitOptions options;
  options.proposals.push_back(
      {mls::Add{group::make_key_package(bob, group::Suite::x25519, keys, random, now)}});
  mls::NewCommit commit = sender.commit(options, alice.key_pair(), now, random);
  sender.merge(std::move(commit.staged));
  auto welcome = std::get<mls::Welcome>(mls::parse_message(*commit.welcome).content);
  auto own = group::find_key_package(welcome, keys);
  mls::Group receiver = mls::Group::join(welcome, {own->key_package, own->keys});

  Bytes data = random.bytes(message_size);
  Bytes signature = crypto::sign(suite.signature, alice.key_pair(), data);
  std::vector<double> protect, unprotect, sign, verify;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Bytes> messages(batch);
    sign.push_back(microseconds_each(
        [&](int) { signature = crypto::sign(suite.signature, alice.key_pair(), data); }));
    protect.push_back(microseconds_each([&](int i) {
      messages[static_cast<size_t>(i)] = sender.protect(data, alice.key_pair(), 0, random);
    }));
    verify.push_back(microseconds_each([&](int) {
      if (!crypto::verify(suite.signature, alice.identity_key(), data, signature)) std::abort();
    }));
    unprotect.push_back(microseconds_each([&](int i) {
      receiver.process(mls::parse_message(messages[static_cast<size_t>(i)]), now);
    }));
  }
  std::printf("MLS application messages of %zu bytes, suite %s\n", message_size, suite.name.data());
  print("protect", "Ed25519 sign", protect, sign, 1.4);
  print("unprotect", "Ed25519 verify", unprotect, verify, 1.25);
}
