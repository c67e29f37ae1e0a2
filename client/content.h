// content: what members say to each other, schemas/content.capnp. docs/content.md.
#pragma once

#include <string>

#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"

namespace qnpc::client {

using ContentId = ByteArray<16>;

struct Content {
  ContentId id{};
  uint64_t sent_ms = 0;  // the sender's clock, Unix time
  std::string text;      // valid UTF-8
};

Secret encode_content(const Content& content);
/// Throws Reason::malformed, Reason::too_large, or Reason::unsupported for a kind of content that
/// this version does not know.
Content decode_content(View bytes);

/// Whether the bytes are well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool is_utf8(std::string_view text);

}  // namespace qnpc::client
