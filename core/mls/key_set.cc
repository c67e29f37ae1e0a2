#include "qnpc/mls/key_set.h"

#include <algorithm>
#include <functional>

#include "qnpc/base/error.h"
#include "qnpc/base/shared_array.h"

namespace qnpc::mls {
namespace {

constexpr size_t longest_chunk = 64;
// What a chunk begins with where all keys are known: it can take some more.
constexpr size_t first_chunk = 56;

ptrdiff_t offset(size_t index) { return static_cast<ptrdiff_t>(index); }

}  // namespace

// Big-endian, so that numbers are in the order of the bytes.
uint64_t KeySet::first_bytes(View key) {
  uint64_t out = 0;
  for (size_t i = 0; i < sizeof(out); ++i) out = out << 8 | (i < key.size() ? key[i] : 0);
  return out;
}

bool KeySet::less(const Entry& a, uint64_t first, View key, const SmallBytes* node) {
  if (a.first != first) return a.first < first;
  return ViewLess{}(*a.key, key) || (std::less<>{}(a.key, node) && equal(*a.key, key));
}

KeySet::KeySet(const std::vector<const SmallBytes*>& keys) {
  std::vector<Entry> all(keys.begin(), keys.end());
  std::ranges::sort(all,
                    [](const Entry& a, const Entry& b) { return less(a, b.first, *b.key, b.key); });
  for (size_t i = 0; i < all.size(); ++i) {
    if (i % first_chunk == 0) {
      chunks_->push_back(std::make_shared<Chunk>());
      chunks_->back()->reserve(std::min(first_chunk, all.size() - i));
    }
    if (i > 0 && *all[i - 1].key == *all[i].key) ++repeated_;
    chunks_->back()->push_back(all[i]);
  }
}

// The first that is not less; past all chunks where there is none.
KeySet::Place KeySet::lower_bound(View key, const SmallBytes* node) const {
  const uint64_t first = first_bytes(key);
  auto before = [&](const Entry& entry) { return less(entry, first, key, node); };
  auto chunk = std::ranges::partition_point(
      *chunks_, [&](const std::shared_ptr<Chunk>& c) { return before(c->back()); });
  Place out{static_cast<size_t>(chunk - chunks_->begin()), 0};
  if (chunk != chunks_->end()) {
    auto at = std::ranges::partition_point(**chunk, before);
    out.index = static_cast<size_t>(at - (*chunk)->begin());
  }
  return out;
}

bool KeySet::is_at(Place place, View key) const {
  return place.chunk < chunks_->size() && equal(*(*(*chunks_)[place.chunk])[place.index].key, key);
}

bool KeySet::contains(View key) const { return is_at(lower_bound(key), key); }

void KeySet::insert(const SmallBytes* key) {
  Chunks& chunks = own(chunks_);
  if (chunks.empty()) {
    chunks.push_back(std::make_shared<Chunk>(1, Entry(key)));
    return;
  }
  if (contains(*key)) ++repeated_;
  Place place = lower_bound(*key, key);
  if (place.chunk == chunks.size()) place = {chunks.size() - 1, chunks.back()->size()};
  Chunk& chunk = own(chunks[place.chunk]);
  chunk.insert(chunk.begin() + offset(place.index), Entry(key));
  if (chunk.size() <= longest_chunk) return;
  auto middle = chunk.begin() + longest_chunk / 2;
  auto upper = std::make_shared<Chunk>(middle, chunk.end());
  chunk.erase(middle, chunk.end());
  chunks.insert(chunks.begin() + offset(place.chunk) + 1, std::move(upper));
}

void KeySet::erase(const SmallBytes* key) {
  Chunks& chunks = own(chunks_);
  const Place place = lower_bound(*key, key);
  if (place.chunk == chunks.size() || (*chunks[place.chunk])[place.index].key != key)
    throw Error(Reason::internal, "a key is erased that is not there");
  Chunk& chunk = own(chunks[place.chunk]);
  chunk.erase(chunk.begin() + offset(place.index));
  if (chunk.empty()) chunks.erase(chunks.begin() + offset(place.chunk));
  if (contains(*key)) --repeated_;
}

}  // namespace qnpc::mls
