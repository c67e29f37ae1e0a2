#include "client/early_entries.h"

#include <algorithm>

#include "client/limits.h"

namespace qnpc::client {
namespace {

constexpr std::string_view list_record = "early";
constexpr std::string_view payloads = "early/";

std::string payload_record(uint64_t sequence) {
  return std::string(payloads) + std::to_string(sequence);
}

}  // namespace

std::vector<EarlyEntries::Waiting> EarlyEntries::list() const {
  const std::optional<Secret> record = records_.get(list_record);
  if (!record) return {};
  return codec::decode<std::vector<Waiting>>(record->reveal());
}

bool EarlyEntries::keep(const LogEntry& entry) {
  std::vector<Waiting> waiting = list();
  size_t bytes = entry.payload.size();
  for (const Waiting& one : waiting) bytes += one.bytes;
  if (waiting.size() == limits::early_entries || bytes > limits::early_bytes) return false;
  waiting.push_back({entry.sequence, entry.epoch, entry.is_commit, entry.payload.size()});
  records_.put(list_record, codec::encode_secret(waiting));
  records_.put(payload_record(entry.sequence), Secret::copy_of(entry.payload));
  return true;
}

template <class Which>
std::optional<LogEntry> EarlyEntries::take(Which&& which) {
  std::vector<Waiting> waiting = list();
  auto found = std::ranges::find_if(waiting, which);
  if (found == waiting.end()) return std::nullopt;
  const std::string name = payload_record(found->sequence);
  const std::optional<Secret> payload = records_.get(name);
  if (!payload) throw Error(Reason::corrupt, "the state file lacks an entry of a log");
  LogEntry entry{found->sequence, found->epoch, found->is_commit, to_bytes(payload->reveal())};
  waiting.erase(found);
  records_.put(list_record, codec::encode_secret(waiting));
  records_.erase(name);
  return entry;
}

std::optional<LogEntry> EarlyEntries::take_through(uint64_t epoch) {
  return take([&](const Waiting& one) { return one.epoch <= epoch; });
}

std::optional<LogEntry> EarlyEntries::take_beyond(uint64_t epoch) {
  return take([&](const Waiting& one) { return one.epoch > epoch; });
}

void EarlyEntries::clear() {
  records_.erase(list_record);
  records_.erase_all(payloads);
}

}  // namespace qnpc::client
