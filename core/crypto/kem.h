// kem: the key encapsulation half of HPKE, RFC 9180 4.1 and 7.1. Private to this room.
#pragma once

#include "qnpc/crypto/hpke.h"

namespace qnpc::crypto {

/// LabeledExtract and LabeledExpand of RFC 9180 4.
class LabeledKdf {
 public:
  LabeledKdf(Hash hash, Bytes suite_id) : hash_(hash), suite_id_(std::move(suite_id)) {}
  Secret extract(View salt, std::string_view label, View ikm) const;
  Secret expand(View prk, std::string_view label, View info, size_t length) const;

 private:
  Hash hash_;
  Bytes suite_id_;
};

uint16_t kem_id(Kem kem);
Secret decap(Kem kem, const HpkeKeyPair& key, View kem_output);

}  // namespace qnpc::crypto
