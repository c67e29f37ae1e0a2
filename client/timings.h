// timings: how long the phases of a command took, for --timings and the benchmark.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace qnpc::client {

class Timings {
 public:
  using Phase = std::pair<std::string, double>;  // milliseconds

  /// The phase since the last mark, or since the start, was this one.
  void mark(const std::string& phase) {
    auto now = std::chrono::steady_clock::now();
    phases_.emplace_back(phase, std::chrono::duration<double, std::milli>(now - last_).count());
    last_ = now;
  }
  const std::vector<Phase>& phases() const { return phases_; }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::vector<Phase> phases_;
};

}  // namespace qnpc::client
