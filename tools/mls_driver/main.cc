// qnpc-mls-driver: a test tool that lets an outside harness use core/mls as a client.
//
//   qnpc-mls-driver < requests > replies
//
// One JSON request in each line of standard input, one JSON reply in each line of standard output:
// docs/mls-driver.md. It prints private keys on request: never for keys that matter.

#include <chrono>
#include <iostream>

#include "qnpc/crypto/system_random.h"
#include "tools/mls_driver/driver.h"

namespace {

qnpc::UnixTime system_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count())};
}

enum class Line { whole, too_long, none };

// The next line, without its end. One that is too long is read to its end and not kept.
Line read_line(std::streambuf& in, std::string& line) {
  using Traits = std::streambuf::traits_type;
  line.clear();
  bool too_long = false;
  for (bool empty = true;; empty = false) {
    const int c = in.sbumpc();
    if (c == Traits::eof() && empty) return Line::none;
    if (c == Traits::eof() || c == '\n') return too_long ? Line::too_long : Line::whole;
    too_long = too_long || line.size() == qnpc::limits::mls_driver_line;
    if (!too_long) line.push_back(Traits::to_char_type(c));
  }
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  qnpc::crypto::SystemRandom random;
  qnpc::driver::Driver driver(random, system_time);
  std::string line;
  for (;;) {
    const Line read = read_line(*std::cin.rdbuf(), line);
    if (read == Line::none) return 0;
    std::cout << (read == Line::whole ? driver.answer(line) : qnpc::driver::answer_too_long())
              << std::endl;
  }
}
