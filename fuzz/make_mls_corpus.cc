// The seed corpus of the MLS fuzzers, made by the library itself: for each honest message that a
// fuzzer edits, the input that leaves it as it is, and the message as raw bytes.
// usage: make_mls_corpus FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>

#include "fuzz/mls_group.h"

using namespace qnpc;

namespace {

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  void add(View input) {
    std::ofstream file(folder_ / ("seed-" + std::to_string(count_++)), std::ios::binary);
    for (uint8_t byte : input) file.put(static_cast<char>(byte));
    if (!file.flush()) throw Error(Reason::internal, "cannot write to " + folder_.string());
  }
  /// For a fuzzer that starts with edited_one_of().
  void add_bases(const std::vector<Bytes>& bases) {
    for (size_t i = 0; i < bases.size(); ++i) {
      add(Bytes{static_cast<uint8_t>(i)});
      Bytes raw{static_cast<uint8_t>(bases.size())};
      append(raw, bases[i]);
      add(raw);
    }
  }

 private:
  std::filesystem::path folder_;
  size_t count_ = 0;
};

// An edit of each kind, near the front and further back.
const std::vector<Bytes> scripts{
    {}, {0, 0, 4, 0xff}, {1, 0, 8, 0}, {2, 0, 60, 1}, {2, 0, 2, 3, 2, 1, 0, 0, 0, 0, 90, 9}};

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "usage: make_mls_corpus FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  fuzz::HonestGroup honest;
  Corpus(folder / "mls_message").add_bases(fuzz::message_bases(honest));
  Corpus(folder / "mls_ratchet_tree").add_bases(fuzz::tree_bases(honest));
  Corpus(folder / "mls_secrets").add_bases(fuzz::secret_bases(honest));
  Corpus(folder / "mls_extension").add_bases(fuzz::extension_bases());
  // Which line of its conversation the driver's fuzzer edits; it has about thirty.
  Corpus driver(folder / "mls_driver");
  for (uint8_t line = 0; line < 32; ++line) driver.add(Bytes{line});
  // Flags, and for the live group which message it is; then the edits.
  Corpus process(folder / "mls_process"), join(folder / "mls_join");
  for (uint8_t flags = 0; flags < 4; ++flags) {
    for (const Bytes& script : scripts) {
      Bytes input{flags};
      append(input, script);
      join.add(input);
      for (uint8_t base = 0; base < fuzz::process_bases; ++base) {
        input = {flags, base};
        append(input, script);
        process.add(input);
      }
    }
  }
} catch (const std::exception& error) {
  std::cerr << "make_mls_corpus: " << error.what() << '\n';
  return 1;
}
