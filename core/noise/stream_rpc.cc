#include "qnpc/noise/stream_rpc.h"

#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>

#include "qnpc/noise/stream_error.h"

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

// A message that comes in pieces: the table of its segments (their number less one, their sizes in
// words), then these.
class Incoming {
 public:
  using Message = kj::Maybe<capnp::MessageReaderAndFds>;

  Incoming(NoiseStream& stream, const capnp::ReaderOptions& options, const RpcStream::Admit& admit)
      : stream_(stream), options_(options), admit_(admit) {}

  kj::Promise<Message> read() {
    words_ = kj::heapArray<word>(1);
    return stream_.tryRead(words_.begin(), sizeof(word), sizeof(word))
        .then([this](size_t n) -> kj::Promise<Message> {
          if (n == 0) return Message();
          if (n < sizeof(word)) {
            return to_kj(Error(Reason::truncated, "the peer closed within an RPC message"));
          }
          const uint32_t more_segments = number(0);
          if (more_segments >= limits::rpc_segments) {
            return to_kj(Error(Reason::too_large, "an RPC message has too many segments"));
          }
          return read_behind((more_segments + 3) / 2).then([=, this] {
            return read_segments(more_segments + 1);
          });
        });
  }

 private:
  uint32_t number(size_t i) const {
    uint32_t value = 0;
    std::memcpy(&value, words_.asBytes().begin() + i * sizeof(value), sizeof(value));
    return value;
  }

  // Goes on until there are so many words.
  kj::Promise<void> read_behind(size_t words) {
    const size_t held = words_.size();
    auto all = kj::heapArray<word>(words);
    std::memcpy(all.begin(), words_.begin(), held * sizeof(word));
    words_ = kj::mv(all);
    return stream_.read(words_.begin() + held, (words - held) * sizeof(word));
  }

  kj::Promise<Message> read_segments(size_t segments) {
    uint64_t words = 0;
    for (size_t i = 1; i <= segments; ++i) words += number(i);
    if (words > options_.traversalLimitInWords) {
      return to_kj(Error(Reason::too_large, "an RPC message is over the limit"));
    }
    const size_t all = words_.size() + words;
    admitted_ = with_stream_errors([&] { return admit_(all * sizeof(word)); });
    return read_behind(all).then([this]() -> Message {
      kj::Own<capnp::MessageReader> reader =
          kj::heap<capnp::FlatArrayMessageReader>(words_.asPtr(), options_);
      return capnp::MessageReaderAndFds{reader.attach(kj::mv(words_), std::move(admitted_)),
                                        nullptr};
    });
  }

  NoiseStream& stream_;
  const capnp::ReaderOptions options_;
  const RpcStream::Admit& admit_;
  kj::Array<word> words_;
  std::shared_ptr<void> admitted_;
};

}  // namespace

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> RpcStream::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd>, capnp::ReaderOptions options, kj::ArrayPtr<word>) {
  KJ_IF_MAYBE (reader, take_message(options)) {
    return kj::Maybe<capnp::MessageReaderAndFds>(
        capnp::MessageReaderAndFds{kj::mv(*reader), nullptr});
  }
  auto incoming = kj::heap<Incoming>(stream_, options, admit_);
  auto message = incoming->read();
  return message.attach(kj::mv(incoming));
}

// Nothing where the message is not at hand as a whole, has several segments or is over the limit:
// then Incoming waits for it, reads it or refuses it.
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
