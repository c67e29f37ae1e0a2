// secret: bytes that must not leak. They move and never copy by accident, are wiped when freed or
// grown, have no stream operator and no conversion to Bytes; reading them is the word `reveal`.
#pragma once

#include <cstring>
#include <memory>
#include <vector>

#include "qnpc/base/bytes.h"

namespace qnpc {

/// Overwrites with zeros in a way that the compiler keeps.
void wipe(MutableView bytes);

/// True when equal. The time depends on the lengths only; different lengths are unequal.
bool constant_time_equal(View a, View b);

/// Gives memory back only after wiping it, so that a growing vector leaves nothing behind.
template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) {}
  T* allocate(size_t n) { return std::allocator<T>().allocate(n); }
  void deallocate(T* p, size_t n) {
    wipe({reinterpret_cast<uint8_t*>(p), n * sizeof(T)});
    std::allocator<T>().deallocate(p, n);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

using WipingBytes = std::vector<uint8_t, WipingAllocator<uint8_t>>;

class Secret {
 public:
  Secret() = default;
  explicit Secret(size_t size) : bytes_(size) {}
  explicit Secret(WipingBytes&& bytes) : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  Secret& operator=(Secret&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    other.bytes_ = {};
    return *this;
  }
  ~Secret() = default;

  /// A secret made of bytes that live elsewhere; wiping those is up to their owner.
  static Secret copy_of(View bytes) { return Secret(WipingBytes(bytes.begin(), bytes.end())); }
  Secret clone() const { return copy_of(reveal()); }

  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  View reveal() const { return bytes_; }
  MutableView reveal_mutable() { return bytes_; }

  friend bool operator==(const Secret& a, const Secret& b) {
    return constant_time_equal(a.reveal(), b.reveal());
  }

 private:
  WipingBytes bytes_;
};

}  // namespace qnpc
