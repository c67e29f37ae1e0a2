#include "qnpc/crypto/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "qnpc/base/limits.h"
#include "qnpc/crypto/openssl.h"

namespace qnpc::crypto {
namespace {

using OwnedBio = Owned<BIO, BIO_free>;
using OwnedX509 = Owned<X509, X509_free>;

constexpr size_t seed_size = 32;

OwnedBio reader_of(View text) {
  return OwnedBio(must(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))));
}

Bytes der_of(X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  must(size);
  Bytes out(static_cast<size_t>(size));
  uint8_t* at = out.data();
  must(i2d_X509(certificate, &at));
  return out;
}

// OpenSSL would ask the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::vector<Bytes> certificates_from_pem(View text) {
  OwnedBio bio = reader_of(text);
  std::vector<Bytes> out;
  for (;;) {
    ERR_clear_error();
    OwnedX509 certificate(PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr));
    if (!certificate) break;
    if (out.size() == limits::certificates) {
      throw Error(Reason::too_large, "there are more than " + std::to_string(limits::certificates) +
                                         " certificates in a row");
    }
    out.push_back(der_of(certificate.get()));
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!is_end || out.empty()) {
    throw Error(Reason::malformed,
                out.empty() && is_end
                    ? "there is no certificate in it (-----BEGIN CERTIFICATE-----)"
                    : "a certificate in it does not parse");
  }
  return out;
}

Secret ed25519_key_from_pem(View text) {
  OwnedBio bio = reader_of(text);
  OwnedPkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  Secret seed(seed_size);
  size_t size = seed_size;
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_private_key(key.get(), seed.reveal_mutable().data(), &size) != 1 ||
      size != seed_size) {
    throw Error(Reason::malformed,
                "there is no Ed25519 key without a passphrase in it (-----BEGIN PRIVATE KEY-----)");
  }
  return seed;
}

}  // namespace qnpc::crypto
