// send_bench: `quicnprotochat-client send` as a whole process, from exec to exit, on loopback with
// a real server, and what the time goes into.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

constexpr double target_ms = 60;
constexpr int warm_up = 3;
constexpr int rounds = 50;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Runs a command line; returns what it wrote to standard output and standard error.
std::string run(const std::string& command) {
  FILE* pipe = popen(("exec " + command + " 2>&1").c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string out;
  std::array<char, 4096> chunk;
  while (size_t n = std::fread(chunk.data(), 1, chunk.size(), pipe)) out.append(chunk.data(), n);
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed: " + out);
  return out;
}

/// The object in the output that has the key.
nlohmann::json object_with(const std::string& output, const std::string& key) {
  for (size_t start = 0; start < output.size();) {
    size_t end = output.find('\n', start);
    nlohmann::json object = nlohmann::json::parse(output.substr(start, end - start));
    if (object.contains(key)) return object;
    start = end + 1;
  }
  throw std::runtime_error("no " + key + " in " + output);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
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

}  // namespace
}  // namespace qnpc

int main() {
  using namespace qnpc;
  test::TemporaryDirectory directory;
  test::ServerProcess server(QNPC_SERVER,
                             {"--no-rate-limits", "--data-dir", directory.file("data"), "--listen",
                              "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"});
  server.wait_ready();
  Person alice(directory, server, "alice"), bob(directory, server, "bob");
  alice("register");
  std::string bobs_key = object_with(bob("register"), "identity_key")["identity_key"];
  alice("create-group --group-id friends");
  alice("invite --peer-key " + bobs_key);
  bob("join");

  std::vector<double> whole;
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> phases;
  for (int i = 0; i < warm_up + rounds; ++i) {
    auto start = std::chrono::steady_clock::now();
    std::string output = alice("send --msg 'how long does this take?'");
    double total = milliseconds_since(start);
    if (i < warm_up) continue;
    whole.push_back(total);
    double inside = 0;
    const nlohmann::json timings = object_with(output, "timings")["timings"];
    for (const auto& phase : timings) {
      std::string name = phase["phase"];
      if (!phases.contains(name)) order.push_back(name);
      phases[name].push_back(phase["milliseconds"]);
      inside += phases[name].back();
    }
    phases["start and end the process"].push_back(total - inside);
  }
  order.push_back("start and end the process");

  std::printf("send, a whole process, median of %d\n", rounds);
  for (const std::string& phase : order) {
    double time = median(phases[phase]);
    std::printf("%10.2f ms %5.0f %%  %s\n", time, 100 * time / median(whole), phase.c_str());
  }
  std::printf("%10.2f ms in all, ratio %.2f  (target: at most %.0f ms)\n", median(whole),
              median(whole) / target_ms, target_ms);
}
