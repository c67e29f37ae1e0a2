#include "qnpc/base/storage.h"

#include "qnpc/base/error.h"

namespace qnpc {

void require_sound(bool holds, const char* what) {
  if (holds) return;
  throw Error(Reason::corrupt, std::string("records that we stored do not fit together: ") + what);
}

std::optional<Secret> MemoryStorage::get(std::string_view name) const {
  auto it = records_.find(name);
  if (it == records_.end()) return std::nullopt;
  return it->second.clone();
}

std::vector<std::string> MemoryStorage::names(std::string_view prefix) const {
  std::vector<std::string> out;
  for (auto it = records_.lower_bound(prefix);
       it != records_.end() && it->first.starts_with(prefix); ++it) {
    out.push_back(it->first);
  }
  return out;
}

void MemoryStorage::put(std::string_view name, const Secret& value) {
  records_.insert_or_assign(std::string(name), value.clone());
}

void MemoryStorage::erase(std::string_view name) {
  if (auto it = records_.find(name); it != records_.end()) records_.erase(it);
}

void MemoryStorage::erase_all(std::string_view prefix) {
  auto first = records_.lower_bound(prefix);
  auto last = first;
  while (last != records_.end() && last->first.starts_with(prefix)) ++last;
  records_.erase(first, last);
}

}  // namespace qnpc
