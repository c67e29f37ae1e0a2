// wire: structs that declare their fields once, in the RFC's order.
//
//   struct Remove {
//     LeafIndex removed;
//     static auto wire(auto& m) { return std::tie(m.removed); }
//   };
//   Bytes bytes = encode(remove);
//   Remove again = decode<Remove>(bytes);   // throws on any trailing byte
//
// Field types: unsigned integers and enums over them, Bytes and Secret (opaque<V>), ByteArray<N>
// (opaque[N]), std::vector and SmallVector (T<V>), std::optional, and structs with `wire`. A struct
// whose layout depends on a field (the RFC's `select`) writes `read` and `write` by hand instead:
//
//   static T read(Reader& r);
//   void write(auto& w) const;
#pragma once

#include <concepts>
#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

#include "qnpc/base/limits.h"
#include "qnpc/base/small_vector.h"
#include "qnpc/codec/reader.h"
#include "qnpc/codec/writer.h"

namespace qnpc::codec {

template <class T>
concept HasWire = requires(T& m) {
  T::wire(m);
};
template <class T>
concept HasRead = requires(Reader& r) {
  { T::read(r) } -> std::same_as<T>;
};
template <class T>
concept HasWrite = requires(const T& m, SecretWriter& w) {
  m.write(w);
};

template <class T>
struct Wire;  // how one field type is read and written

template <class T>
T read(Reader& r) {
  return Wire<T>::read(r);
}
template <class W, class T>
void write(W& w, const T& value) {
  Wire<T>::write(w, value);
}

template <class T>
  requires std::unsigned_integral<T>
struct Wire<T> {
  static T read(Reader& r) {
    if constexpr (sizeof(T) == 1) return r.u8();
    if constexpr (sizeof(T) == 2) return r.u16();
    if constexpr (sizeof(T) == 4) return r.u32();
    if constexpr (sizeof(T) == 8) return r.u64();
  }
  static void write(auto& w, T value) {
    if constexpr (sizeof(T) == 1) w.u8(value);
    if constexpr (sizeof(T) == 2) w.u16(value);
    if constexpr (sizeof(T) == 4) w.u32(value);
    if constexpr (sizeof(T) == 8) w.u64(value);
  }
};

// Enums are open: a value that we do not know is kept as it is, and judged where it is used.
template <class T>
  requires std::is_enum_v<T>
struct Wire<T> {
  using U = std::underlying_type_t<T>;
  static T read(Reader& r) { return static_cast<T>(Wire<U>::read(r)); }
  static void write(auto& w, T value) { Wire<U>::write(w, static_cast<U>(value)); }
};

template <>
struct Wire<Bytes> {
  static Bytes read(Reader& r) { return to_bytes(r.opaque()); }
  static void write(auto& w, const Bytes& value) { w.opaque(value); }
};

template <>
struct Wire<Secret> {
  static Secret read(Reader& r) { return Secret::copy_of(r.opaque()); }
  static void write(SecretWriter& w, const Secret& value) { w.opaque(value.reveal()); }
};

template <size_t N>
struct Wire<ByteArray<N>> {
  static ByteArray<N> read(Reader& r) {
    ByteArray<N> out;
    View bytes = r.raw(N);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return out;
  }
  static void write(auto& w, const ByteArray<N>& value) { w.raw(value); }
};

template <class T>
struct Wire<std::vector<T>> {
  static std::vector<T> read(Reader& r) {
    Reader elements = r.vector();
    std::vector<T> out;
    while (!elements.at_end()) {
      if (out.size() == limits::vector_elements) {
        throw Error(Reason::too_large, "a vector has too many elements");
      }
      out.push_back(codec::read<T>(elements));
    }
    return out;
  }
  static void write(auto& w, const std::vector<T>& value) {
    w.vector([&](auto& inner) {
      for (const T& element : value) codec::write(inner, element);
    });
  }
};

template <>
struct Wire<SmallBytes> {
  static SmallBytes read(Reader& r) { return SmallBytes(r.opaque()); }
  static void write(auto& w, const SmallBytes& value) { w.opaque(value); }
};

template <class T, size_t places>
struct Wire<SmallVector<T, places>> {
  static SmallVector<T, places> read(Reader& r) { return Wire<std::vector<T>>::read(r); }
  static void write(auto& w, const SmallVector<T, places>& value) {
    w.vector([&](auto& inner) {
      for (const T& element : value) codec::write(inner, element);
    });
  }
};

template <class T>
struct Wire<std::optional<T>> {
  static std::optional<T> read(Reader& r) {
    switch (r.u8()) {
      case 0: return std::nullopt;
      case 1: return codec::read<T>(r);
      default: throw Error(Reason::malformed, "an optional's presence byte is neither 0 nor 1");
    }
  }
  static void write(auto& w, const std::optional<T>& value) {
    w.u8(value ? 1 : 0);
    if (value) codec::write(w, *value);
  }
};

template <HasWire T>
struct Wire<T> {
  static T read(Reader& r) {
    T out{};
    std::apply(
        [&](auto&... field) {
          ((field = codec::read<std::remove_reference_t<decltype(field)>>(r)), ...);
        },
        T::wire(out));
    return out;
  }
  static void write(auto& w, const T& value) {
    std::apply([&](const auto&... field) { (codec::write(w, field), ...); }, T::wire(value));
  }
};

template <class T>
  requires(HasWrite<T> && !HasWire<T>)
struct Wire<T> {
  static T read(Reader& r) requires HasRead<T> { return T::read(r); }
  static void write(auto& w, const T& value) { value.write(w); }
};

/// Parses the whole of `bytes`. Throws Reason::malformed on any byte too few or too many.
template <class T>
T decode(View bytes) {
  Reader r(bytes);
  T out = read<T>(r);
  r.expect_end();
  return out;
}

/// Does not compile for a struct that holds a Secret: that is encode_secret.
template <class T>
Bytes encode(const T& value) {
  Writer w;
  write(w, value);
  return w.take();
}

template <class T>
Secret encode_secret(const T& value) {
  SecretWriter w;
  write(w, value);
  return Secret(w.take());
}

}  // namespace qnpc::codec
