#include "qnpc/crypto/hash.h"

#include <algorithm>

#include "qnpc/base/error.h"
#include "qnpc/crypto/openssl.h"

namespace qnpc::crypto {
namespace {

constexpr size_t max_digest = 64;
constexpr size_t max_block = 128;

// Fetched once: an implicit fetch costs more than hashing a short message.
const EVP_MD* fetched(Hash hash) {
  static const EVP_MD* const sha256 = must(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  static const EVP_MD* const sha384 = must(EVP_MD_fetch(nullptr, "SHA384", nullptr));
  static const EVP_MD* const sha512 = must(EVP_MD_fetch(nullptr, "SHA512", nullptr));
  switch (hash) {
    case Hash::sha256: return sha256;
    case Hash::sha384: return sha384;
    case Hash::sha512: return sha512;
  }
  throw Error(Reason::internal, "no such hash");
}

size_t block_size(Hash hash) { return hash == Hash::sha256 ? 64 : 128; }

// One context a thread, used and left within a call. It may have held key material: it is
// re-initialized by each call and freed, hence cleansed, with the thread.
EVP_MD_CTX* thread_context() {
  thread_local OwnedMdCtx ctx(must(EVP_MD_CTX_new()));
  return ctx.get();
}

void digest_into(Hash hash, View first, std::initializer_list<View> parts, uint8_t* out) {
  EVP_MD_CTX* ctx = thread_context();
  must(EVP_DigestInit_ex2(ctx, fetched(hash), nullptr));
  if (!first.empty()) must(EVP_DigestUpdate(ctx, first.data(), first.size()));
  for (View part : parts) {
    if (!part.empty()) must(EVP_DigestUpdate(ctx, part.data(), part.size()));
  }
  must(EVP_DigestFinal_ex(ctx, out, nullptr));
}

void hmac_into(Hash hash, View key, std::initializer_list<View> parts, uint8_t* out) {
  size_t block = block_size(hash);
  ByteArray<max_digest> inner_digest;
  ByteArray<max_block> pad{};
  if (key.size() > block) {
    digest_into(hash, key, {}, pad.data());
  } else {
    std::copy(key.begin(), key.end(), pad.begin());
  }
  for (uint8_t& byte : pad) byte ^= 0x36;
  digest_into(hash, View(pad).first(block), parts, inner_digest.data());
  for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  digest_into(hash, View(pad).first(block), {View(inner_digest).first(hash_size(hash))}, out);
  wipe(pad);
  wipe(inner_digest);
}

}  // namespace

size_t hash_size(Hash hash) {
  switch (hash) {
    case Hash::sha256: return 32;
    case Hash::sha384: return 48;
    case Hash::sha512: return 64;
  }
  throw Error(Reason::internal, "no such hash");
}

Bytes digest(Hash hash, std::initializer_list<View> parts) {
  Bytes out(hash_size(hash));
  digest_into(hash, {}, parts, out.data());
  return out;
}

Secret hmac(Hash hash, View key, std::initializer_list<View> parts) {
  Secret out(hash_size(hash));
  hmac_into(hash, key, parts, out.reveal_mutable().data());
  return out;
}

Secret hkdf_extract(Hash hash, View salt, View ikm) { return hmac(hash, salt, {ikm}); }

Secret hkdf_expand(Hash hash, View prk, View info, size_t length) {
  size_t size = hash_size(hash);
  if (length > 255 * size) throw Error(Reason::too_large, "HKDF-Expand gives at most 255 digests");
  Secret out(length);
  ByteArray<max_digest> block;
  View previous;
  uint8_t counter = 0;
  for (size_t done = 0; done < length;) {
    ++counter;
    hmac_into(hash, prk, {previous, info, View(&counter, 1)}, block.data());
    previous = View(block).first(size);
    size_t n = std::min(size, length - done);
    std::copy_n(block.begin(), n, out.reveal_mutable().begin() + static_cast<ptrdiff_t>(done));
    done += n;
  }
  wipe(block);
  return out;
}

}  // namespace qnpc::crypto
