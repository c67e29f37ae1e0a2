// Secrets leave no copy in freed memory: this program's own operator delete looks into every block
// that is given back, and finds none of the secrets that a test has named.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>

#include "tests/support/mls_insider.h"

namespace {

using Canary = std::array<uint8_t, 32>;

// Not on the heap, where they would be found themselves.
std::array<Canary, 32> canaries;
size_t canary_count = 0;
size_t leaks = 0;

void look_into(const void* memory) {
  const auto* bytes = static_cast<const uint8_t*>(memory);
  const auto* end = bytes + malloc_usable_size(const_cast<void*>(memory));
  for (size_t i = 0; i < canary_count; ++i) {
    if (std::search(bytes, end, canaries[i].begin(), canaries[i].end()) != end) ++leaks;
  }
}

}  // namespace

// Not inlined, or g++ takes them for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  void* out = std::calloc(1, size == 0 ? 1 : size);  // what others freed before is not ours
  if (out == nullptr) throw std::bad_alloc();
  return out;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (memory != nullptr) look_into(memory);
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace qnpc::mls {
namespace {

class SecretWiping : public test::GroupOfThree {
 protected:
  void TearDown() override { canary_count = 0; }

  static void watch(const Secret& secret) {
    ASSERT_GE(secret.size(), sizeof(Canary));
    ASSERT_LT(canary_count, canaries.size());
    std::copy_n(secret.reveal().begin(), sizeof(Canary), canaries[canary_count].begin());
    ++canary_count;
    leaks = 0;
  }
  static void watch(const Epoch& epoch) {
    const EpochSecrets& s = epoch.secrets;
    for (const Secret* secret :
         {&s.sender_data_secret, &s.exporter_secret, &s.external_secret, &s.confirmation_key,
          &s.membership_key, &s.resumption_psk, &s.init_secret}) {
      watch(*secret);
    }
    for (const auto& [node, key] : epoch.keys.all()) watch(key->private_key);
  }
};

TEST_F(SecretWiping, TheLookIntoFreedMemoryFindsWhatIsThere) {
  Secret secret = random.secret(32);
  watch(secret);
  Secret copy = secret.clone();
  copy = {};
  EXPECT_EQ(leaks, 0u);
  Canary* volatile naked = new Canary(canaries[0]);  // volatile: new and delete are not elided
  delete naked;
  EXPECT_EQ(leaks, 1u);
}

TEST_F(SecretWiping, SavingAndLoadingLeavesNoCopy) {
  make_group_of_three();
  watch(bob.epoch());
  watch(bob.signer.private_key);
  for (int i = 0; i < 3; ++i) {
    bob.group->make_update(bob.signer, random);
    bob.group->protect(as_view("text"), bob.signer, 0, random);
    bob.reload();
  }
  bob.follow(alice.commit({}).message);
  bob.reload();
  bob.group.reset();
  EXPECT_EQ(leaks, 0u);
}

TEST_F(SecretWiping, CommittingAndJoiningLeavesNoCopy) {
  make_group_of_three();
  KeyPackage package = dave.key_package();
  watch(dave.keys.init.private_key);
  watch(dave.keys.encryption.private_key);
  NewCommit commit = alice.commit({{Add{package}}}, WireFormat::private_message);
  watch(*commit.staged.next);
  auto welcome = std::get<Welcome>(parse_message(*commit.welcome).content);
  {
    GroupSecrets secrets =
        decrypt_group_secrets(test::Insider::suite(), dave.keys.init, welcome.secrets.front(),
                              welcome.encrypted_group_info);
    watch(secrets.joiner_secret);
    watch(secrets.path_secret->path_secret);
  }
  bob.follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  dave.join(package, *commit.welcome);
  bob.process(dave.group->protect(as_view("text"), dave.signer, 0, random));
  bob.follow(dave.commit({}).message);
  alice.group.reset();
  EXPECT_EQ(leaks, 0u);
}

}  // namespace
}  // namespace qnpc::mls
