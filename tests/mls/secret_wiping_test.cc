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

// The beginning of a secret: a nonce has 12 bytes, a key of suite 1 has 16, others have 32.
struct Canary {
  std::array<uint8_t, 32> bytes;
  size_t size;
  bool is_in(const uint8_t* begin, const uint8_t* end) const {
    return std::search(begin, end, bytes.begin(), bytes.begin() + size) != end;
  }
};

// Not on the heap, where they would be found themselves.
std::array<Canary, 128> canaries;
size_t canary_count = 0;
size_t leaks = 0;

void look_into(const void* memory) {
  const auto* bytes = static_cast<const uint8_t*>(memory);
  const auto* end = bytes + malloc_usable_size(const_cast<void*>(memory));
  for (size_t i = 0; i < canary_count; ++i) {
    if (canaries[i].is_in(bytes, end)) ++leaks;
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
    ASSERT_GE(secret.size(), crypto::aead_nonce_size);
    ASSERT_LT(canary_count, canaries.size());
    Canary& canary = canaries[canary_count++];
    canary.size = std::min(secret.size(), canary.bytes.size());
    std::copy_n(secret.reveal().begin(), canary.size, canary.bytes.begin());
    leaks = 0;
  }
  static void watch(const MessageKey& key) {
    watch(key.key);
    watch(key.nonce);
  }
  // What a secret tree holds, as its records have it: secrets of nodes not yet split, in the
  // beginning the encryption secret alone, and ratchets.
  static void watch_secret_tree(const Storage& storage) {
    for (const std::string& name : storage.names("group/secret/")) {
      const Secret record = *storage.get(name);
      codec::Reader r(record.reveal());
      if (r.u8() == 0) {
        watch(codec::read<Secret>(r));
        continue;
      }
      while (!r.at_end()) {
        const auto ratchet = codec::read<Ratchet>(r);
        watch(ratchet.secret);
        for (const MessageKey& kept : ratchet.kept) watch(kept);
      }
    }
  }
  // The keys of a sender's first messages, and the secrets that their ratchet had before each.
  static void watch_keys(const SecretTree& tree, LeafIndex sender, uint32_t messages) {
    constexpr size_t application = static_cast<size_t>(RatchetType::application);
    watch(tree.find(sender, RatchetType::handshake, 0).ratchets[application].secret);
    for (uint32_t generation = 0; generation < messages; ++generation) {
      const auto found = tree.find(sender, RatchetType::application, generation);
      watch(found.key);
      if (generation + 1 < messages) watch(found.ratchets[application].secret);
    }
  }
  // How many of the secrets that are watched stand in a storage.
  static size_t stored(const MemoryStorage& storage) {
    size_t out = 0;
    for (const auto& [name, record] : storage.records()) {
      const View bytes = record.reveal();
      for (size_t i = 0; i < canary_count; ++i) {
        if (canaries[i].is_in(bytes.data(), bytes.data() + bytes.size())) ++out;
      }
    }
    return out;
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
  watch(random.secret(16));
  naked = new Canary(canaries[1]);
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

// 9.2: the encryption secret, nodes of the secret tree, ratchets and keys of messages are gone from
// memory and storage when they are consumed.
TEST_F(SecretWiping, ReadingAndWritingMessagesLeavesNoCopy) {
  make_group_of_three();
  MemoryStorage bobs;
  bob.group->save(bobs);
  watch_secret_tree(bobs);
  ASSERT_EQ(canary_count, 1u);  // the encryption secret
  constexpr uint32_t messages = 4;
  {
    const Epoch epoch = load_epoch(bobs);
    for (uint32_t sender : {0, 1}) watch_keys(epoch.secret_tree, LeafIndex{sender}, messages);
    auto alices = epoch.secret_tree.find(LeafIndex{0}, RatchetType::application, 0);
    watch(alices.new_nodes.at(node_of(LeafIndex{1})));  // what Bob's own ratchets come from
  }
  ASSERT_EQ(stored(bobs), 1u);

  std::vector<Bytes> sent;
  for (uint32_t i = 0; i < messages; ++i) {
    sent.push_back(alice.group->protect(as_view("text"), alice.signer, 0, random));
    bob.group->protect(as_view("text"), bob.signer, 0, random);
  }
  for (size_t i : {0, 3, 1, 2}) {  // the keys of those between are kept for a while
    bob.process(sent[i]);
    bob.group->save(bobs);
    if (i == 3) {
      EXPECT_GT(stored(bobs), 0u);
    }
    bob.group = Group::load(bobs);
  }
  EXPECT_EQ(leaks, 0u);
  EXPECT_EQ(stored(bobs), 0u);

  watch_secret_tree(bobs);  // what is left: Carol's node, and ratchets
  bob.process(alice.commit({}, WireFormat::private_message).message);
  bob.follow(alice.commit({}, WireFormat::private_message).message);
  bob.group->save(bobs);
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
