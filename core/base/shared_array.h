// shared_array: an array whose copies share what they have in common. Elements stand in chunks, and
// the pointers to those in a directory; either is copied when it is changed while somebody else has
// it too. So a copy costs one pointer, its first change the directory, and each change a chunk.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace qnpc {

/// Whether nobody else holds what `pointer` points to, so that it may be changed in place.
template <class T>
bool is_sole_owner(const std::shared_ptr<T>& pointer) {
  if (pointer.use_count() != 1) return false;
  // Whoever else held it may have been another thread, whose reads came before it let go.
  std::atomic_thread_fence(std::memory_order_acquire);
  return true;
}

/// What `pointer` points to, for this holder alone: a copy where others hold it too.
template <class T>
T& own(std::shared_ptr<T>& pointer) {
  if (!pointer) {
    pointer = std::make_shared<T>();
  } else if (!is_sole_owner(pointer)) {
    pointer = std::make_shared<T>(*pointer);
  }
  return *pointer;
}

template <class T>
class SharedArray {
 public:
  SharedArray() = default;
  explicit SharedArray(size_t size) { resize(size); }

  size_t size() const { return size_; }
  const T& operator[](size_t i) const {
    const auto& chunk = (*chunks_)[i / chunk_size];
    if (chunk) return (*chunk)[i % chunk_size];
    static const T none{};
    return none;
  }
  /// The element, of this copy alone.
  T& edit(size_t i) { return own(own(chunks_)[i / chunk_size])[i % chunk_size]; }
  /// New elements are T{}, and cost nothing until one of their chunk is edited.
  void resize(size_t size) {
    auto& chunks = own(chunks_);
    chunks.resize((size + chunk_size - 1) / chunk_size);
    // What is cut off in the last chunk must not come back when the array grows again.
    if (size < size_ && size % chunk_size != 0 && chunks.back()) {
      for (size_t i = size; i / chunk_size < chunks.size(); ++i) edit(i) = T{};
    }
    size_ = size;
  }

 private:
  static constexpr size_t chunk_size = 32;
  using Chunk = std::array<T, chunk_size>;

  std::shared_ptr<std::vector<std::shared_ptr<Chunk>>> chunks_;  // a null chunk is all T{}
  size_t size_ = 0;
};

}  // namespace qnpc
