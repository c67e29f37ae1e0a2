// mls_group: an honest group of three for the fuzzers of core/mls, and its messages, changed as the
// fuzzer says. Without a corpus random bytes never pass the first length field; edits of honest
// bytes reach every field from the first second.
#pragma once

#include <cstdlib>

#include "qnpc/mls/epoch_storage.h"
#include "tests/mls/test_client.h"
#include "tests/support/seeded_random.h"

namespace qnpc::fuzz {

/// `base` after the edits of `script`, four bytes each: what to do, where (two bytes), with what.
inline Bytes edited(View base, View script) {
  Bytes out = to_bytes(base);
  for (; script.size() >= 4; script = script.subspan(4)) {
    const size_t place = (size_t{script[1]} << 8 | script[2]) % (out.size() + 1);
    const auto at = out.begin() + static_cast<ptrdiff_t>(place);
    switch (script[0] % 4) {
      case 0: out.insert(at, script[3]); break;
      case 1:
        if (at != out.end()) out.erase(at);
        break;
      default:
        if (at != out.end()) *at = script[3];
    }
  }
  return out;
}

/// One of `bases`, or nothing but the script itself, edited.
inline Bytes edited_one_of(const std::vector<Bytes>& bases, View input) {
  if (input.empty()) return {};
  const size_t choice = input[0] % (bases.size() + 1);
  const View script = input.subspan(1);
  return choice == bases.size() ? to_bytes(script) : edited(bases[choice], script);
}

/// Ends the program, so that libFuzzer keeps the input.
inline void must(bool holds) {
  if (!holds) std::abort();
}

/// What decodes encodes to the same bytes again; what does not throws nothing but Error.
template <class T>
std::optional<T> round_trip(View bytes) {
  std::optional<T> out;
  try {
    out = codec::decode<T>(bytes);
  } catch (const Error&) {
    return std::nullopt;
  }
  must(equal(codec::encode_secret(*out).reveal(), bytes));
  return out;
}

/// Alice made the group and added Bob and Carol; then Bob committed, so that the tree has parents.
struct HonestGroup {
  test::SeededRandom random{1};
  const mls::Suite& suite =
      mls::suite_of(mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519);
  test::TestClient alice{suite, "alice", random};
  test::TestClient bob{suite, "bob", random};
  test::TestClient carol{suite, "carol", random};
  test::OwnKeyPackage bob_package = bob.make_key_package(random);
  test::OwnKeyPackage carol_package = carol.make_key_package(random);

  HonestGroup() {
    alice.create_group(random);
    mls::CommitOptions adds{
        .proposals = {{mls::Add{bob_package.key_package}}, {mls::Add{carol_package.key_package}}}};
    mls::NewCommit add = commit(alice, adds);
    alice.group().merge(std::move(add.staged));
    bob.join(*add.welcome, bob_package);
    carol.join(*add.welcome, carol_package);
    mls::NewCommit path = commit(bob, {});
    for (auto* other : {&alice, &carol}) {
      mls::Processed processed = other->receive(path.message);
      other->group().merge(std::move(std::get<mls::StagedCommit>(processed)));
    }
    bob.group().merge(std::move(path.staged));
  }

  mls::NewCommit commit(test::TestClient& by, const mls::CommitOptions& options) {
    return by.group().commit(options, by.signer(), test::test_time, random);
  }
};

/// All that a member knows of its epoch: a hostile member knows it too.
inline mls::Epoch epoch_of(test::TestClient& client) {
  client.save_and_reload();
  return mls::load_epoch(client.storage());
}

}  // namespace qnpc::fuzz
