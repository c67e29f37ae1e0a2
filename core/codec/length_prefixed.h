// length_prefixed: a byte stream cut into messages, each after its length: 2 bytes, big-endian.
//
// Decoding takes the stream in chunks of any size, straight into its own buffer, and hands out
// messages where they lie, mutable, so that they can be decrypted in place. A byte is moved at most
// once after it arrived. The buffer grows only with bytes that really came, to a fixed maximum, and
// shrinks again when little comes, so that an idle connection costs little.
#pragma once

#include <optional>

#include "qnpc/base/bytes.h"

namespace qnpc::codec {

class LengthPrefixedCodec {
 public:
  static constexpr size_t header_size = 2;
  static constexpr size_t max_message = 65535;

  /// Where the next bytes of the stream go: one byte or more. Take out all messages first; views
  /// given before become invalid.
  MutableView free_space();
  /// The first `n` bytes of the last free_space() now hold what came.
  void filled(size_t n);

  /// The next whole message, without its length, or nothing if more bytes are needed. The view is
  /// valid until free_space() is called. Throws Reason::too_large as soon as a length is over
  /// `limit`, before the message itself has come.
  std::optional<MutableView> next(size_t limit = max_message);

  /// Whether bytes are held that no next() has given out.
  bool holds_bytes() const { return begin_ != end_; }

  /// Writes the header of a message of `size` bytes. Throws Reason::too_large over max_message.
  static void write_header(MutableView header, size_t size);
  /// Appends `message` with its header.
  static void encode(Bytes& out, View message);

 private:
  Bytes buffer_;
  size_t begin_ = 0;  // what came and was not yet given out is [begin_, end_)
  size_t end_ = 0;
  size_t last_fill_ = 0;
};

}  // namespace qnpc::codec
