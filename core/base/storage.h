// storage: where state that must survive is written. Named records of secret bytes; the caller's
// transaction decides when they are on the disk, and nothing may leave the process before.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "qnpc/base/secret.h"

namespace qnpc {

class Storage {
 public:
  virtual ~Storage() = default;
  virtual std::optional<Secret> get(std::string_view name) const = 0;
  /// Of every record whose name begins with `prefix`.
  virtual std::vector<std::string> names(std::string_view prefix) const = 0;
  virtual void put(std::string_view name, const Secret& value) = 0;
  /// Erasing what is not there is no error.
  virtual void erase(std::string_view name) = 0;
  /// Erases every record whose name begins with `prefix`. Names are printable ASCII.
  virtual void erase_all(std::string_view prefix) = 0;
};

/// What we stored ourselves is as we wrote it. Throws Reason::corrupt.
void require_sound(bool holds, const char* what);

/// For tests and for conversations that need not outlive the process.
class MemoryStorage final : public Storage {
 public:
  std::optional<Secret> get(std::string_view name) const override;
  std::vector<std::string> names(std::string_view prefix) const override;
  void put(std::string_view name, const Secret& value) override;
  void erase(std::string_view name) override;
  void erase_all(std::string_view prefix) override;
  const std::map<std::string, Secret, std::less<>>& records() const { return records_; }

 private:
  std::map<std::string, Secret, std::less<>> records_;
};

}  // namespace qnpc
