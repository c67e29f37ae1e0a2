// send_bench: `quicnprotochat-client send` as a whole process, from exec to exit, on loopback with
// a real server, and what the time goes into.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "client_process.h"

namespace qnpc {
namespace {

constexpr double target_ms = 60;
constexpr int warm_up = 3;
constexpr int rounds = 50;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace
}  // namespace qnpc

int main() {
  using namespace qnpc;
  using bench::object_with;
  test::TemporaryDirectory directory;
  test::ServerProcess server(QNPC_SERVER,
                             {"--no-rate-limits", "--data-dir", directory.file("data"), "--listen",
                              "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"});
  server.wait_ready();
  bench::Person alice(directory, server, "alice"), bob(directory, server, "bob");
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
