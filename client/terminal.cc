#include "client/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "client/content.h"
#include "client/limits.h"
#include "qnpc/base/error.h"

namespace qnpc::client {
namespace {

size_t character_size(std::string_view text) {
  for (size_t n = 1; n <= 4 && n <= text.size(); ++n) {
    if (is_utf8(text.substr(0, n))) return n;
  }
  return 0;
}

uint32_t code_point(std::string_view character) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(character[i])); };
  switch (character.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3: return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default: return 0x10000;  // no control character lies beyond
  }
}

bool is_control(uint32_t c) {
  if (c == '\n' || c == '\t') return false;
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return true;
  // Marks and overrides of writing direction, and the line and paragraph separators.
  return c == 0x61c || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

std::string written_out(const char* format, uint32_t value) {
  std::array<char, 16> out{};
  std::snprintf(out.data(), out.size(), format, value);
  return out.data();
}

// The terminal with echo switched off, as long as it lives. Signals that would end the process wait
// meanwhile: it must not die and leave a shell that shows nothing of what is typed.
class SilentTerminal {
 public:
  SilentTerminal() : fd_(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {
    if (fd_ < 0 || tcgetattr(fd_, &before_) != 0) {
      throw Error(Reason::usage,
                  "the state needs a passphrase, and there is no terminal to ask "
                  "for it. Name a file with --passphrase-file");
    }
    sigset_t ending;
    sigemptyset(&ending);
    for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) sigaddset(&ending, signal);
    pthread_sigmask(SIG_BLOCK, &ending, &signals_before_);
    signals_ = signalfd(-1, &ending, SFD_CLOEXEC);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd_, TCSAFLUSH, &silent);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  ~SilentTerminal() {
    tcsetattr(fd_, TCSAFLUSH, &before_);
    close(signals_);
    close(fd_);
    pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);  // one that waited acts now
  }

  void say(const std::string& text) const {
    // Where the terminal is gone, reading fails as well, and that is seen.
    [[maybe_unused]] ssize_t n = write(fd_, text.data(), text.size());
  }
  Secret line() const {
    WipingBytes out;
    uint8_t byte = 0;
    while (wait_for_input() && read(fd_, &byte, 1) == 1 && byte != '\n') {
      if (out.size() == limits::passphrase_bytes) {
        throw Error(Reason::too_large, "the passphrase is too long");
      }
      out.push_back(byte);
    }
    say("\n");
    return Secret(std::move(out));
  }

 private:
  // False where a signal came first; it is left pending for the end.
  bool wait_for_input() const {
    std::array<pollfd, 2> both{{{fd_, POLLIN, 0}, {signals_, POLLIN, 0}}};
    while (poll(both.data(), both.size(), -1) < 0 && errno == EINTR) continue;
    return both[1].revents == 0;
  }

  int fd_;
  int signals_ = -1;
  termios before_{};
  sigset_t signals_before_{};
};

}  // namespace

bool is_terminal(FILE* stream) { return isatty(fileno(stream)) == 1; }

std::string escape_controls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t size = character_size(text);
    std::string_view character = text.substr(0, size == 0 ? 1 : size);
    uint32_t code = size == 0 ? static_cast<uint8_t>(text[0]) : code_point(character);
    if (size == 0 || (is_control(code) && code < 0x100)) {
      out += written_out("\\x%02x", code);
    } else if (is_control(code)) {
      out += written_out("\\u%04x", code);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::string read_standard_input(size_t limit) {
  std::string out;
  std::array<char, 65536> chunk;
  for (;;) {
    ssize_t n = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw Error(Reason::io, std::string("cannot read standard input: ") + std::strerror(errno));
    }
    if (n == 0) return out;
    out.append(chunk.data(), static_cast<size_t>(n));
    if (out.size() > limit) {
      throw Error(Reason::too_large, "standard input holds more than the " + std::to_string(limit) +
                                         " bytes that one message may have. Send it in parts");
    }
  }
}

Secret ask_secret(const std::string& question) {
  SilentTerminal terminal;
  terminal.say(question);
  return terminal.line();
}

Secret ask_passphrase(bool confirm) {
  Secret first = ask_secret(confirm ? "New passphrase for the state: " : "Passphrase: ");
  if (confirm && !(ask_secret("The same again: ") == first)) {
    throw Error(Reason::usage, "the two passphrases differ");
  }
  return first;
}

}  // namespace qnpc::client
