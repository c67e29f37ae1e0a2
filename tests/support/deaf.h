// deaf: a socket that reads no more from some moment on, for tests.
#pragma once

#include <kj/async-io.h>

namespace qnpc::test {

class Deaf final : public kj::AsyncIoStream {
 public:
  explicit Deaf(kj::Own<kj::AsyncIoStream> socket) : socket_(kj::mv(socket)) {}
  kj::Promise<size_t> tryRead(void* buffer, size_t min, size_t max) override {
    if (deaf) return kj::NEVER_DONE;
    return socket_->tryRead(buffer, min, max);
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return socket_->write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return socket_->write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return socket_->whenWriteDisconnected(); }
  void shutdownWrite() override { socket_->shutdownWrite(); }

  bool deaf = false;

 private:
  kj::Own<kj::AsyncIoStream> socket_;
};

}  // namespace qnpc::test
