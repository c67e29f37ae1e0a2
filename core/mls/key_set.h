// key_set: which keys are in use, so that one more is judged without a look at all (RFC 9420 7.3,
// 12.4.2: keys are unique). Sorted, in chunks that copies share: a change costs the logarithm and
// one chunk, however an adversary chooses the keys.
#pragma once

#include <memory>
#include <vector>

#include "qnpc/base/small_vector.h"

namespace qnpc::mls {

class KeySet {
 public:
  KeySet() = default;
  /// The set refers to its keys; they have to live, unchanged, until they are erased. Equal keys of
  /// different nodes may be in the set at the same time.
  explicit KeySet(const std::vector<const SmallBytes*>& keys);
  void insert(const SmallBytes* key);
  /// Exactly this one, which is in the set.
  void erase(const SmallBytes* key);
  bool contains(View key) const;
  bool all_differ() const { return repeated_ == 0; }

 private:
  struct Entry {
    explicit Entry(const SmallBytes* k) : first(first_bytes(*k)), key(k) {}
    uint64_t first;  // of its bytes, so that most comparisons need not look further
    const SmallBytes* key;
  };
  using Chunk = std::vector<Entry>;  // ascending, never empty
  using Chunks = std::vector<std::shared_ptr<Chunk>>;
  struct Place {
    size_t chunk;
    size_t index;
  };

  static uint64_t first_bytes(View key);
  // Equal keys stand in the order of their nodes' addresses, so that each is found at once.
  static bool less(const Entry& a, uint64_t first, View key, const SmallBytes* node);
  Place lower_bound(View key, const SmallBytes* node = nullptr) const;
  bool is_at(Place place, View key) const;

  std::shared_ptr<Chunks> chunks_ = std::make_shared<Chunks>();
  size_t repeated_ = 0;  // keys that are equal to one before them
};

}  // namespace qnpc::mls
