// How much memory one hostile message of 1 MiB can make us allocate, counted by this program's own
// operator new. What it must not become is a way to end a client with a few messages.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/mls_insider.h"

namespace {

std::atomic<size_t> live_bytes;
std::atomic<size_t> peak_bytes;

}  // namespace

void* operator new(size_t size) {
  void* out = std::malloc(size);
  if (out == nullptr) throw std::bad_alloc();
  const size_t now = live_bytes += malloc_usable_size(out);
  if (now > peak_bytes) peak_bytes = now;
  return out;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace qnpc::mls {
namespace {

constexpr size_t mebibyte = size_t{1} << 20;
constexpr size_t most_allocated = 200 * mebibyte;

// The most bytes that were allocated at one time while `action` ran, beside what was before.
template <class Action>
size_t peak_of(Action&& action) {
  const size_t before = live_bytes;
  peak_bytes = before;
  try {
    action();
  } catch (const Error&) {
  }
  return peak_bytes - before;
}

// `element` as often as it fits into a mebibyte, but no more often than a vector may hold.
Bytes repeated(const Bytes& element) {
  const size_t count = std::min(mebibyte / element.size(), limits::vector_elements);
  Bytes out;
  for (size_t i = 0; i < count; ++i) append(out, element);
  return out;
}

// `T x<V>` of those elements.
Bytes vector_of(View elements) {
  codec::Writer w;
  w.opaque(elements);
  return w.take();
}

template <class T>
void expect_bounded(const Bytes& bytes, const char* what) {
  const size_t peak = peak_of([&] { codec::decode<T>(bytes); });
  std::cout << what << ": " << bytes.size() << " bytes make " << peak / mebibyte << " MiB\n";
  EXPECT_LE(peak, most_allocated) << what;
}

TEST(Memory, DecodersStayWithinTheirBound) {
  expect_bounded<std::vector<ProposalOrRef>>(vector_of(repeated({2, 0})), "proposal references");
  expect_bounded<std::vector<ProposalOrRef>>(vector_of(repeated({1, 0, 3, 0, 0, 0, 1})), "removes");
  expect_bounded<std::vector<EncryptedGroupSecrets>>(vector_of(repeated({0, 0, 0})), "secrets");
  expect_bounded<std::vector<PreSharedKeyId>>(vector_of(repeated({1, 0, 0})), "PSKs");
  expect_bounded<std::vector<UpdatePathNode>>(vector_of(repeated({0, 0})), "path nodes");
  expect_bounded<Extensions>(vector_of(repeated({0xaa, 0xaa, 0})), "extensions");
  // The least leaf, then a blank parent, over and over; and one leaf at the end.
  const LeafNode leaf{.leaf_node_source = LeafNodeSource::update};
  Bytes present{1, 1};
  append(present, codec::encode(leaf));
  Bytes both = present;
  both.push_back(0);
  Bytes nodes = repeated(both);
  append(nodes, present);
  expect_bounded<RatchetTree>(vector_of(nodes), "tree");
}

// A length of 0x3FFFFFFF, the largest, and nothing behind it.
TEST(Memory, AClaimedLengthAllocatesNothing) {
  const Bytes claim{0xbf, 0xff, 0xff, 0xff};
  constexpr size_t kibibyte = 1024;
  EXPECT_LE(peak_of([&] { codec::decode<Bytes>(claim); }), kibibyte);
  EXPECT_LE(peak_of([&] { codec::decode<std::vector<ProposalOrRef>>(claim); }), kibibyte);
  EXPECT_LE(peak_of([&] { codec::decode<RatchetTree>(claim); }), kibibyte);
  EXPECT_LE(peak_of([&] { codec::decode<Welcome>(claim); }), kibibyte);
}

// A member can have its message decrypted and verified before its content is judged.
TEST(Memory, ProcessStaysWithinItsBound) {
  crypto::SystemRandom random;
  test::Insider alice(random), bob(random);
  alice.create();
  KeyPackage package = bob.key_package();
  NewCommit add = alice.commit({{Add{package}}});
  alice.group->merge(std::move(add.staged));
  bob.join(package, *add.welcome);
  for (const ProposalOrRef& proposal :
       {ProposalOrRef{ProposalRef{}}, ProposalOrRef{Proposal{Remove{LeafIndex{0}}}}}) {
    const Bytes hostile = alice.forge_commit(std::vector(limits::vector_elements, proposal));
    const size_t peak = peak_of([&] { bob.process(hostile); });
    std::cout << hostile.size() << " bytes make " << peak / mebibyte << " MiB\n";
    EXPECT_LE(peak, most_allocated);
  }
}

}  // namespace
}  // namespace qnpc::mls
