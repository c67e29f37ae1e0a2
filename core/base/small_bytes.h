// small_bytes: bytes that are nearly always a key or a digest of 32 bytes, and hence stand in the
// object itself; longer ones are on the heap. A large group keeps tens of thousands of them.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "qnpc/base/bytes.h"

namespace qnpc {

class SmallBytes {
 public:
  SmallBytes() = default;
  SmallBytes(View bytes) : size_(static_cast<uint32_t>(bytes.size())) {
    if (!is_inline()) {
      auto* heap = new uint8_t[size_];
      std::memcpy(place_, &heap, sizeof(heap));
    }
    std::copy(bytes.begin(), bytes.end(), data());
  }
  SmallBytes(const Bytes& bytes) : SmallBytes(View(bytes)) {}
  SmallBytes(const SmallBytes& other) : SmallBytes(View(other)) {}
  SmallBytes(SmallBytes&& other) noexcept { swap(other); }
  SmallBytes& operator=(SmallBytes other) noexcept {
    swap(other);
    return *this;
  }
  ~SmallBytes() {
    if (!is_inline()) delete[] data();
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const uint8_t* data() const { return is_inline() ? place_ : heap(); }
  uint8_t* data() { return is_inline() ? place_ : heap(); }
  const uint8_t* begin() const { return data(); }
  const uint8_t* end() const { return data() + size_; }
  uint8_t& operator[](size_t i) { return data()[i]; }
  uint8_t operator[](size_t i) const { return data()[i]; }
  void clear() { *this = SmallBytes(); }

  operator Bytes() const { return Bytes(begin(), end()); }
  friend bool operator==(const SmallBytes& a, const SmallBytes& b) { return equal(a, b); }
  friend bool operator==(const SmallBytes& a, const Bytes& b) { return equal(a, b); }

 private:
  bool is_inline() const { return size_ <= sizeof(place_); }
  uint8_t* heap() const {
    uint8_t* out;
    std::memcpy(&out, place_, sizeof(out));
    return out;
  }
  void swap(SmallBytes& other) noexcept {
    std::swap(size_, other.size_);
    std::swap_ranges(place_, place_ + sizeof(place_), other.place_);
  }

  uint32_t size_ = 0;  // what the longest message that we parse can hold fits
  uint8_t place_[36] = {};
};

}  // namespace qnpc
