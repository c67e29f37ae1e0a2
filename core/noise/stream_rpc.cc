#include "qnpc/noise/stream_rpc.h"

#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>

namespace qnpc::noise {
namespace {

using capnp::word;

// The header of a message of one segment, as most are; the fields are little-endian, as everything
// in Cap'n Proto, which itself supports no other machines.
struct Header {
  uint32_t more_segments = 0;
  uint32_t words = 0;
};
static_assert(sizeof(Header) == sizeof(word));

}  // namespace

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> RpcStream::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options, kj::ArrayPtr<word> scratch) {
  KJ_IF_MAYBE (reader, take_message(options)) {
    return kj::Maybe<capnp::MessageReaderAndFds>(
        capnp::MessageReaderAndFds{kj::mv(*reader), nullptr});
  }
  return generic_.tryReadMessage(fds, options, scratch);
}

// Nothing where the message is not at hand as a whole, has several segments or is over the limit:
// then the generic way waits for it, reads it or refuses it.
kj::Maybe<kj::Own<capnp::MessageReader>> RpcStream::take_message(
    const capnp::ReaderOptions& options) {
  const View bytes = stream_.at_hand();
  Header header;
  if (bytes.size() < sizeof(header)) return nullptr;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const size_t size = sizeof(header) + size_t{header.words} * sizeof(word);
  if (header.more_segments != 0 || header.words > options.traversalLimitInWords ||
      size > bytes.size()) {
    return nullptr;
  }
  auto words = kj::heapArray<word>(size / sizeof(word));  // a copy, because readers need alignment
  std::memcpy(words.begin(), bytes.data(), size);
  stream_.take(size);
  kj::Own<capnp::MessageReader> reader =
      kj::heap<capnp::FlatArrayMessageReader>(words.asPtr(), options);
  return reader.attach(kj::mv(words));
}

kj::Promise<void> RpcStream::writeMessage(kj::ArrayPtr<const int> fds,
                                          kj::ArrayPtr<const kj::ArrayPtr<const word>> segments) {
  if (segments.size() != 1) return generic_.writeMessage(fds, segments);
  Header header{0, static_cast<uint32_t>(segments[0].size())};
  const kj::ArrayPtr<const kj::byte> pieces[] = {
      {reinterpret_cast<const kj::byte*>(&header), sizeof(header)}, segments[0].asBytes()};
  return stream_.write(kj::arrayPtr(pieces, 2));
}

kj::Promise<void> RpcStream::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const word>>> messages) {
  return generic_.writeMessages(messages);
}

}  // namespace qnpc::noise
