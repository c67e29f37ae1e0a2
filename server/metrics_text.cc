#include "server/metrics_text.h"

#include <sstream>

namespace qnpc::server {
namespace {

class Text {
 public:
  /// The values that follow are of this one.
  Text& metric(std::string_view type, std::string_view its_name, std::string_view help) {
    name_ = "quicnprotochat_" + std::string(its_name);
    out_ << "# HELP " << name_ << ' ' << help << "\n# TYPE " << name_ << ' ' << type << '\n';
    return *this;
  }
  template <class Number>
  Text& value(Number number, const std::string& labels = "", std::string_view suffix = "") {
    out_ << name_ << suffix;
    if (!labels.empty()) out_ << '{' << labels << '}';
    out_ << ' ' << number << '\n';
    return *this;
  }
  /// Reasons that did not occur are left out.
  Text& by_reason(const CounterForReason& counters, const std::string& more_labels = "") {
    for (size_t i = 0; i < CounterForReason::size; ++i) {
      const auto reason = static_cast<Reason>(i);
      if (counters[reason].value() == 0) continue;
      value(counters[reason].value(), more_labels + label("reason", name(reason)));
    }
    return *this;
  }
  template <class Enum, Enum last>
  Text& by(std::string_view what, const CounterFor<Enum, last>& counters) {
    for (size_t i = 0; i < CounterFor<Enum, last>::size; ++i) {
      const auto one = static_cast<Enum>(i);
      value(counters[one].value(), label(what, name(one)));
    }
    return *this;
  }
  void histogram(const Histogram& histogram) {
    uint64_t so_far = 0;
    for (size_t i = 0; i < Histogram::bounds.size(); ++i) {
      so_far += histogram.count(i);
      std::ostringstream bound;
      bound << Histogram::bounds[i];
      value(so_far, label("le", bound.str()), "_bucket");
    }
    so_far += histogram.count(Histogram::bounds.size());
    value(so_far, label("le", "+Inf"), "_bucket");
    value(histogram.sum(), "", "_sum");
    value(so_far, "", "_count");
  }
  static std::string label(std::string_view its_name, std::string_view text) {
    return std::string(its_name) + "=\"" + std::string(text) + '"';
  }
  std::string take() { return out_.str(); }

 private:
  std::string name_;
  std::ostringstream out_;
};

}  // namespace

std::string metrics_text(const Metrics& metrics, const StoreMetrics& store, const Gauges& gauges) {
  Text text;
  text.metric("gauge", "build_info", "The release.")
      .value(1, Text::label("version", gauges.version));
  text.metric("gauge", "connections", "Connections that there are.").value(gauges.connections);
  text.metric("gauge", "handshakes_in_progress", "Of these, in their handshake.")
      .value(gauges.handshakes);
  text.metric("counter", "connections_total", "Connections that were let in.")
      .value(metrics.connections.value());
  text.metric("counter", "handshakes_total", "Noise handshakes that succeeded.")
      .value(metrics.handshakes.value());
  text.metric("counter", "handshakes_failed_total", "Noise handshakes that failed.")
      .by_reason(metrics.failed_handshakes);
  text.metric("counter", "connections_lost_total", "Connections that ended in no good order.")
      .by_reason(metrics.lost_connections);
  text.metric("counter", "calls_total", "Calls that were answered as asked.")
      .by("call", metrics.calls);
  text.metric("counter", "calls_refused_total", "Calls that failed.");
  for (size_t i = 0; i < metrics.refused_calls.size(); ++i) {
    text.by_reason(metrics.refused_calls[i],
                   Text::label("call", name(static_cast<CallKind>(i))) + ',');
  }
  text.metric("counter", "commits_lost_total", "Commits that came after another of their epoch.")
      .value(metrics.lost_commits.value());
  text.metric("counter", "limit_hits_total", "What was refused for a limit, by its setting.");
  for (size_t i = 0; i < CounterForLimit::size; ++i) {
    const auto limit = static_cast<Limit>(i);
    text.value(metrics.limits_hit[limit].value() + store.limits_hit[limit].value(),
               Text::label("limit", name(limit)));
  }
  text.metric("gauge", "store_queue_length", "Requests that wait for the database.")
      .value(gauges.queued_writes, Text::label("queue", "write"))
      .value(gauges.queued_reads, Text::label("queue", "read"));
  text.metric("counter", "store_writes_total", "Requests that were written.")
      .value(store.writes.value());
  text.metric("histogram", "store_commit_seconds", "How long a transaction waited for the disk.")
      .histogram(store.commit_time);
  text.metric("gauge", "store_database_bytes", "What the database holds.")
      .value(store.database_bytes.value());
  return text.take();
}

}  // namespace qnpc::server
