// vectors: where the official test vectors are. They are not part of the repository: the folder is
// $QNPC_VECTORS, or else ../shared/vectors beside the repository (a compile definition).
//
//   QNPC_VECTORS_OR_SKIP(path, "mls/tree-math.json");
//   std::ifstream file(path);
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace qnpc::test {

inline std::filesystem::path vectors_folder() {
  const char* named = std::getenv("QNPC_VECTORS");
  return named != nullptr && *named != '\0' ? named : QNPC_DEFAULT_VECTORS;
}

/// The file of this name below the folder ("noise/x.json"), or nothing where it is absent.
inline std::optional<std::filesystem::path> find_vectors(std::string_view name) {
  auto path = vectors_folder() / name;
  if (!std::filesystem::is_regular_file(path)) return std::nullopt;
  return path;
}

/// The reason a test that needs the file gives to GTEST_SKIP.
inline std::string no_vectors(std::string_view name) {
  return "no vectors at " + (vectors_folder() / name).string() +
         " (QNPC_VECTORS names another folder)";
}

}  // namespace qnpc::test

/// Declares `path`, or ends the test as SKIPPED with the reason.
#define QNPC_VECTORS_OR_SKIP(path, name)                             \
  const auto path##_found = ::qnpc::test::find_vectors(name);        \
  if (!path##_found) GTEST_SKIP() << ::qnpc::test::no_vectors(name); \
  const auto& path = *path##_found
