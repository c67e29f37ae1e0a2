// client_process: the client as a whole process, as a person runs it.
#pragma once

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::bench {

/// Runs a command line; returns what it wrote to standard output and standard error.
inline std::string run(const std::string& command) {
  FILE* pipe = popen(("exec " + command + " 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string out;
  std::array<char, 4096> chunk;
  while (size_t n = std::fread(chunk.data(), 1, chunk.size(), pipe)) out.append(chunk.data(), n);
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed: " + out);
  return out;
}

/// The object in the output that has the key.
inline nlohmann::json object_with(const std::string& output, const std::string& key) {
  for (size_t start = 0; start < output.size();) {
    size_t end = output.find('\n', start);
    nlohmann::json object = nlohmann::json::parse(output.substr(start, end - start));
    if (object.contains(key)) return object;
    start = end + 1;
  }
  throw std::runtime_error("no " + key + " in " + output);
}

class Person {
 public:
  Person(const test::TemporaryDirectory& directory, const test::ServerProcess& server,
         const std::string& name)
      : prefix_(std::string(QNPC_CLIENT) + " --json --timings --state " +
                directory.file(name + ".db") + " --server " + server.authentication +
                " --ds-server " + server.delivery + " ") {}
  std::string operator()(const std::string& command) const { return run(prefix_ + command); }

 private:
  std::string prefix_;
};

}  // namespace qnpc::bench
