#include "qnpc/codec/length_prefixed.h"

#include <algorithm>
#include <cstring>

#include "qnpc/base/error.h"

namespace qnpc::codec {
namespace {

// Room for a few small messages: what a connection holds while it is idle.
constexpr size_t smallest_buffer = size_t{4} << 10;
// Holds one incomplete message and about as much again to read ahead.
constexpr size_t largest_buffer = size_t{128} << 10;
static_assert(largest_buffer > LengthPrefixedCodec::header_size + LengthPrefixedCodec::max_message);

}  // namespace

MutableView LengthPrefixedCodec::free_space() {
  const size_t held = end_ - begin_;
  const bool was_full = end_ == buffer_.size();
  if (begin_ > 0 && held > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, held);
  begin_ = 0;
  end_ = held;

  if (was_full && buffer_.size() < largest_buffer) {
    buffer_.resize(std::max(smallest_buffer, 2 * buffer_.size()));
  } else if (held == 0 && buffer_.size() > smallest_buffer && last_fill_ < buffer_.size() / 16) {
    buffer_.resize(buffer_.size() / 2);
    buffer_.shrink_to_fit();
  }
  if (end_ == buffer_.size())
    throw Error(Reason::internal, "whole messages were left in the buffer");
  return MutableView(buffer_).subspan(end_);
}

void LengthPrefixedCodec::filled(size_t n) {
  if (n > buffer_.size() - end_)
    throw Error(Reason::internal, "more bytes came than were room for");
  end_ += n;
  last_fill_ = n;
}

std::optional<MutableView> LengthPrefixedCodec::next(size_t limit) {
  const size_t held = end_ - begin_;
  if (held < header_size) return std::nullopt;
  const uint8_t* header = buffer_.data() + begin_;
  const size_t size = size_t{header[0]} << 8 | header[1];
  if (size > limit) {
    throw Error(Reason::too_large, "a message of " + std::to_string(size) + " bytes, where " +
                                       std::to_string(limit) + " are the most");
  }
  if (held - header_size < size) return std::nullopt;
  MutableView message = MutableView(buffer_).subspan(begin_ + header_size, size);
  begin_ += header_size + size;
  return message;
}

void LengthPrefixedCodec::write_header(MutableView header, size_t size) {
  if (size > max_message)
    throw Error(Reason::too_large, "the message does not fit its length field");
  header[0] = static_cast<uint8_t>(size >> 8);
  header[1] = static_cast<uint8_t>(size);
}

void LengthPrefixedCodec::encode(Bytes& out, View message) {
  ByteArray<header_size> header;
  write_header(header, message.size());
  append(out, header);
  append(out, message);
}

}  // namespace qnpc::codec
