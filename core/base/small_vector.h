// small_vector: elements that are nearly always few, such as the 32 bytes of a key or the handful
// of types that a client supports, and hence stand in the object itself; more of them are on the
// heap. A large group keeps tens of thousands of these.
#pragma once

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "qnpc/base/bytes.h"

namespace qnpc {

template <class T, size_t places>
class SmallVector {
 public:
  static_assert(std::is_trivially_copyable_v<T> && places * sizeof(T) >= sizeof(T*));
  using value_type = T;
  using const_iterator = const T*;

  SmallVector() = default;
  SmallVector(std::span<const T> elements) : size_(static_cast<uint32_t>(elements.size())) {
    if (!is_inline()) {
      T* heap = new T[size_];
      std::memcpy(places_, &heap, sizeof(heap));
    }
    std::copy(elements.begin(), elements.end(), data());
  }
  SmallVector(const std::vector<T>& elements) : SmallVector(std::span<const T>(elements)) {}
  SmallVector(std::initializer_list<T> elements)
      : SmallVector(std::span<const T>(elements.begin(), elements.size())) {}
  SmallVector(const SmallVector& other) : SmallVector(std::span<const T>(other)) {}
  SmallVector(SmallVector&& other) noexcept { swap(other); }
  SmallVector& operator=(SmallVector other) noexcept {
    swap(other);
    return *this;
  }
  ~SmallVector() {
    if (!is_inline()) delete[] data();
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* data() const { return is_inline() ? places_ : heap(); }
  T* data() { return is_inline() ? places_ : heap(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  void clear() { *this = SmallVector(); }
  void pop_back() { *this = SmallVector(std::span<const T>(data(), size_ - 1)); }
  /// Copies all elements: for lists that are short.
  void push_back(T element) {
    std::vector<T> longer = *this;
    longer.push_back(element);
    *this = longer;
  }

  operator std::vector<T>() const { return std::vector<T>(begin(), end()); }
  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }
  friend bool operator==(const SmallVector& a, const std::vector<T>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  bool is_inline() const { return size_ <= places; }
  T* heap() const {
    T* out;
    std::memcpy(&out, places_, sizeof(out));
    return out;
  }
  void swap(SmallVector& other) noexcept {
    std::swap(size_, other.size_);
    std::swap_ranges(places_, places_ + places, other.places_);
  }

  uint32_t size_ = 0;  // more than any message that we parse can hold
  T places_[places] = {};
};

/// For keys and digests: 32 bytes in most suites.
using SmallBytes = SmallVector<uint8_t, 36>;

}  // namespace qnpc
