// qnpc-mls-vectors: checks core/mls against files of official MLS test vectors.
//
//   qnpc-mls-vectors FILE...
//
// A file's name says which kind of vectors it holds. Exit 0: all passed. 1: something failed, or
// nothing was run. 2: wrong usage, an unknown name, a file that cannot be read.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

struct Kind {
  std::string_view name;
  void (*verify)(const Json& vector);
};

constexpr Kind kinds[] = {
    {"tree-math", verify_tree_math},
    {"deserialization", verify_deserialization},
    {"crypto-basics", verify_crypto_basics},
    {"secret-tree", verify_secret_tree},
    {"message-protection", verify_message_protection},
    {"key-schedule", verify_key_schedule},
    {"psk-secret", verify_psk_secret},
    {"transcript-hashes", verify_transcript_hashes},
    {"welcome", verify_welcome},
    {"tree-operations", verify_tree_operations},
    {"tree-validation", verify_tree_validation},
    {"treekem", verify_treekem},
    {"messages", verify_messages},
    {"passive-client-welcome", verify_passive_client},
    {"passive-client-handling-commit", verify_passive_client},
    {"passive-client-random", verify_passive_client},
};

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Counts {
  size_t passed = 0;
  size_t failed = 0;
  size_t skipped = 0;
};

void print_help() {
  std::cout << "usage: qnpc-mls-vectors FILE...\n\n"
               "Checks the MLS library against official test vectors (JSON). A file's name says\n"
               "what it holds; - and _ are the same in it:\n\n";
  for (const Kind& kind : kinds) std::cout << "  " << kind.name << ".json\n";
  std::cout << "\nExit status: 0 all passed, 1 something failed or nothing was run,\n"
               "2 wrong usage or a file that cannot be read.\n";
}

const Kind& kind_of(const std::filesystem::path& path) {
  std::string name = path.stem().string();
  std::ranges::replace(name, '_', '-');
  auto it = std::ranges::find(kinds, name, &Kind::name);
  if (it == std::end(kinds) || path.extension() != ".json") {
    throw UsageError(path.string() +
                     ": no kind of vectors has this name; --help lists the known ones");
  }
  return *it;
}

Json load(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw UsageError(path.string() + ": the file cannot be opened");
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) throw UsageError(path.string() + ": the file is no JSON array");
  return json;
}

// Nothing for a vector that we can check.
std::optional<std::string> reason_to_skip(const Json& vector) {
  if (!vector.is_object() || !vector.contains("cipher_suite")) return std::nullopt;
  const Json& number = vector.at("cipher_suite");
  if (!number.is_number_unsigned() || mls::is_supported(number.get<mls::CipherSuite>())) {
    return std::nullopt;
  }
  return "cipher suite " + number.dump() + " is not built";
}

// Why it fails, or nothing.
std::optional<std::string> failure(const Kind& kind, const Json& vector) {
  try {
    kind.verify(vector);
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

Counts run(const std::filesystem::path& path) {
  const Kind& kind = kind_of(path);
  const Json vectors = load(path);
  const std::string name = path.filename().string();
  Counts counts;
  std::map<std::string, size_t> skipped;
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (auto reason = reason_to_skip(vectors[i])) {
      ++counts.skipped;
      ++skipped[*reason];
    } else if (auto why = failure(kind, vectors[i])) {
      ++counts.failed;
      std::cout << "FAILED " << name << " [" << i << "]: " << *why << '\n';
    } else {
      ++counts.passed;
    }
  }
  std::cout << name << ": " << counts.passed << " passed, " << counts.failed << " failed, "
            << counts.skipped << " skipped";
  for (const auto& [reason, count] : skipped) std::cout << " (" << count << ": " << reason << ')';
  std::cout << std::endl;
  return counts;
}

int run_all(const std::vector<std::filesystem::path>& paths) {
  for (const auto& path : paths) kind_of(path);  // before any work
  Counts total;
  for (const auto& path : paths) {
    const Counts counts = run(path);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  std::cout << total.passed << " passed, " << total.failed << " failed";
  if (total.skipped > 0) std::cout << ", " << total.skipped << " skipped";
  std::cout << '\n';
  return total.failed == 0 && total.passed > 0 ? EXIT_SUCCESS : exit_failed;
}

}  // namespace
}  // namespace qnpc::vectors

int main(int argc, char** argv) {
  using namespace qnpc::vectors;
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (std::ranges::count(arguments, "--help") + std::ranges::count(arguments, "-h") > 0) {
    print_help();
    return EXIT_SUCCESS;
  }
  try {
    if (arguments.empty()) throw UsageError("no file is given; --help says how");
    return run_all({arguments.begin(), arguments.end()});
  } catch (const UsageError& error) {
    std::cerr << "qnpc-mls-vectors: " << error.what() << '\n';
    return exit_usage;
  }
}
