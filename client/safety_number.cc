#include "client/safety_number.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::client {
namespace {

// With the version: another derivation gets another one.
constexpr std::string_view label = "quicnprotochat safety number 1\n";
// Makes each guess of who looks for a key with the same digits cost so much more.
constexpr int iterations = 5200;
constexpr size_t bytes_in_group = 5;
constexpr size_t digits_in_group = 5;
constexpr size_t groups_in_half = safety_number_digits / digits_in_group / 2;
constexpr uint64_t values_of_group = 100'000;

std::string half_of(View key) {
  Bytes hash = crypto::digest(crypto::Hash::sha512, {as_view(label), key});
  for (int i = 0; i < iterations; ++i) {
    hash = crypto::digest(crypto::Hash::sha512, {View(hash), key});
  }
  std::string out;
  for (size_t group = 0; group < groups_in_half; ++group) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes_in_group; ++i) {
      value = value << 8 | hash[group * bytes_in_group + i];
    }
    std::array<char, digits_in_group + 1> digits{};
    std::snprintf(digits.data(), digits.size(), "%05u",
                  static_cast<unsigned>(value % values_of_group));
    out += digits.data();
  }
  return out;
}

}  // namespace

std::string safety_number(View one, View other) {
  if (ViewLess()(other, one)) std::swap(one, other);
  return half_of(one) + half_of(other);
}

std::string grouped(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i < digits.size(); i += digits_in_group) {
    if (i > 0) out += i % (digits.size() / 2) == 0 ? '\n' : ' ';
    out += digits.substr(i, digits_in_group);
  }
  return out;
}

std::string parse_safety_number(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c == ' ' || c == '\n' || c == '-'; });
  if (out.size() != safety_number_digits ||
      out.find_first_not_of("0123456789") != std::string::npos) {
    throw Error(Reason::usage,
                "a safety number has 60 digits, as `verify` shows them to the other");
  }
  return out;
}

}  // namespace qnpc::client
