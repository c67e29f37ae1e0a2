// server_process: the real server binary as a child, for tests and benchmarks. It dies with us.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace qnpc::test {

/// Anonymous memory in use, in KiB: what a process allocated, without the program's own text.
inline double memory_kib(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (!line.starts_with("RssAnon:")) continue;
    double kib = 0;
    std::istringstream(line.substr(8)) >> kib;
    return kib;
  }
  return 0;
}

/// What a process has computed so far, in its own code and in the kernel's, all threads together.
inline double processor_seconds(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text(std::istreambuf_iterator<char>(stat), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  constexpr size_t fields_before = 11;  // proc(5): utime is the 14th, the name the second
  std::string other;
  for (size_t i = 0; i < fields_before; ++i) fields >> other;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class ServerProcess {
 public:
  /// `most_files` is the limit of its file descriptors; 0 leaves ours.
  ServerProcess(const std::string& binary, std::vector<std::string> arguments,
                rlim_t most_files = 0) {
    std::array<int, 2> output{};
    if (pipe2(output.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    log_ = memfd_create("server-log", MFD_CLOEXEC);
    arguments.insert(arguments.begin(), binary);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      rlimit files{most_files, most_files};
      if (most_files > 0) setrlimit(RLIMIT_NOFILE, &files);
      dup2(output[1], STDOUT_FILENO);
      dup2(log_, STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(output[1]);
    output_ = fdopen(output[0], "r");
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess() {
    if (pid_ > 0) {
      send(SIGKILL);
      wait();
    }
    fclose(output_);
    close(log_);
  }

  /// Reads what it prints at the start. Throws with its log where it ends instead.
  ServerProcess& wait_ready() {
    for (std::string line = read_line(); line != "ready"; line = read_line()) {
      if (line.empty()) throw std::runtime_error("the server did not start: " + log());
      size_t colon = line.find(": ");
      std::string name = line.substr(0, colon);
      if (name == "server key") key = line.substr(colon + 2);
      if (name == "authentication service") authentication = line.substr(colon + 2);
      if (name == "delivery service") delivery = line.substr(colon + 2);
      if (name == "metrics") metrics = line.substr(colon + 2);
    }
    return *this;
  }

  /// The next line of its standard output without the line's end; empty at the end.
  std::string read_line() {
    std::string line;
    for (int c = fgetc(output_); c != EOF && c != '\n'; c = fgetc(output_)) {
      line.push_back(static_cast<char>(c));
    }
    return line;
  }
  void send(int signal) const { kill(pid_, signal); }
  /// The exit code, or 128 and the signal's number.
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  /// All of its standard error so far.
  std::string log() const {
    std::string text(static_cast<size_t>(lseek(log_, 0, SEEK_END)), '\0');
    ssize_t size = pread(log_, text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }
  pid_t pid() const { return pid_; }

  std::string key;             // hexadecimal
  std::string authentication;  // address
  std::string delivery;        // address
  std::string metrics;         // address; empty: none

 private:
  pid_t pid_ = 0;
  int log_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace qnpc::test
