#include "client/content.h"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstring>

#include "client/limits.h"
#include "qnpc/base/error.h"
#include "schemas/content.capnp.h"

namespace qnpc::client {
namespace {

// A Content is a struct, its id and its text: anything deeper is hostile.
constexpr int nesting = 4;

Content read_content(rpc::Content::Reader reader) {
  Content out;
  if (reader.getMessageId().size() != out.id.size()) {
    throw Error(Reason::malformed, "its message id is not 16 bytes long");
  }
  std::memcpy(out.id.data(), reader.getMessageId().begin(), out.id.size());
  out.sent_ms = reader.getSentAt();
  if (!reader.isText()) {
    throw Error(Reason::unsupported, "its kind of content is not known to this version");
  }
  auto text = reader.getText();
  out.text.assign(text.begin(), text.size());
  if (out.text.size() > limits::text_bytes) throw Error(Reason::too_large, "its text is too long");
  if (!is_utf8(out.text)) throw Error(Reason::malformed, "its text is not UTF-8");
  return out;
}

// How many bytes follow the first one of a character, and the range of the first of them, which
// rules out overlong forms, surrogates and what is beyond Unicode. RFC 3629 section 4.
struct Sequence {
  int more = -1;
  uint8_t low = 0x80;
  uint8_t high = 0xbf;
};

Sequence sequence_of(uint8_t first) {
  if (first < 0x80) return {0};
  if (first < 0xc2) return {};
  if (first < 0xe0) return {1};
  if (first == 0xe0) return {2, 0xa0};
  if (first == 0xed) return {2, 0x80, 0x9f};
  if (first < 0xf0) return {2};
  if (first == 0xf0) return {3, 0x90};
  if (first < 0xf4) return {3};
  if (first == 0xf4) return {3, 0x80, 0x8f};
  return {};
}

}  // namespace

Secret encode_content(const Content& content) {
  capnp::MallocMessageBuilder message;
  auto builder = message.initRoot<rpc::Content>();
  builder.setMessageId(kj::arrayPtr(content.id.data(), content.id.size()));
  builder.setSentAt(content.sent_ms);
  builder.setText(capnp::Text::Reader(content.text.c_str(), content.text.size()));
  kj::Array<capnp::word> words = capnp::messageToFlatArray(message);
  auto bytes = words.asBytes();
  return Secret::copy_of({bytes.begin(), bytes.size()});
}

Content decode_content(View bytes) {
  if (bytes.size() > limits::content_bytes) throw Error(Reason::too_large, "it is too long");
  if (bytes.size() % sizeof(capnp::word) != 0) {
    throw Error(Reason::malformed, "it is no message of Cap'n Proto");
  }
  // Copied, since Cap'n Proto wants its words aligned.
  kj::Array<capnp::word> words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), bytes.data(), bytes.size());
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 2 * words.size() + 64;  // no part is worth reading twice
  options.nestingLimit = nesting;
  try {
    capnp::FlatArrayMessageReader message(words, options);
    return read_content(message.getRoot<rpc::Content>());
  } catch (const kj::Exception& e) {
    throw Error(Reason::malformed, "it is no message of Cap'n Proto");
  }
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    Sequence sequence = sequence_of(static_cast<uint8_t>(text[i++]));
    if (sequence.more < 0) return false;
    for (int k = 0; k < sequence.more; ++k, ++i) {
      if (i == text.size()) return false;
      auto byte = static_cast<uint8_t>(text[i]);
      if (byte < (k == 0 ? sequence.low : 0x80)) return false;
      if (byte > (k == 0 ? sequence.high : 0xbf)) return false;
    }
  }
  return true;
}

}  // namespace qnpc::client
