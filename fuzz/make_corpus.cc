// The seed corpus of the fuzzers, made by the library itself: for each honest message that a fuzzer
// edits, the input that leaves it as it is, and the message as raw bytes.
// usage: make_corpus FOLDER

#include <filesystem>
#include <fstream>
#include <iostream>

#include "fuzz/mls_group.h"
#include "fuzz/noise_peers.h"
#include "fuzz/rpc_peer.h"
#include "fuzz/x509_hierarchy.h"

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

// Those of `bases` that a fuzzer chooses with its first byte, edited and not, and as raw bytes
// behind 0x80 and the same. `head` stands before each script.
void add_chosen(Corpus& corpus, const std::vector<Bytes>& bases, uint8_t flag, const Bytes& head) {
  for (uint8_t i = 0; i < bases.size(); ++i) {
    for (const Bytes& script : scripts) {
      Bytes input{static_cast<uint8_t>(i | flag)};
      append(input, head);
      append(input, script);
      corpus.add(input);
    }
    Bytes raw{static_cast<uint8_t>(i | flag | 0x80)};
    append(raw, head);
    append(raw, bases[i]);
    corpus.add(raw);
  }
}

void make_noise_and_x509(const std::filesystem::path& folder) {
  Corpus handshake(folder / "noise_handshake"), stream(folder / "noise_stream");
  for (noise::Suite suite : noise::all_suites) {
    const fuzz::Transcript transcript(fuzz::Peers{}, suite);
    const bool hybrid = suite == noise::Suite::hybrid;
    std::vector<Bytes> messages = transcript.handshake;
    messages.resize(messages.size() + 2);  // those of the transport
    add_chosen(handshake, messages, hybrid ? 8 : 0, {});
    const std::vector<Bytes> sides{transcript.responders, transcript.initiators};
    for (uint8_t flag : {0, 2}) {  // the codec's limit
      flag |= hybrid ? 4 : 0;
      add_chosen(stream, sides, flag, {255, 255, 255, 255});
      add_chosen(stream, sides, flag, {0, 1, 7, 40});
    }
  }
  Corpus chain(folder / "x509_chain");
  for (uint8_t flag : {0, 0x40}) add_chosen(chain, fuzz::Hierarchy{}.chain, flag, {});
}

void make_rpc_door(const std::filesystem::path& folder) {
  const fuzz::Transcript channel(fuzz::Peers{}, noise::Suite::classic);
  Corpus corpus(folder / "rpc_door");
  for (uint8_t flags : {0, 2, 4, 6}) {
    auto add = [&](uint8_t service, const Bytes& talk) {
      Bytes input{static_cast<uint8_t>(flags | service)};
      append(input, talk);
      corpus.add(input);
    };
    add(0, fuzz::talk_to_authentication(channel.handshake_hash));
    add(1, fuzz::talk_of_logs(channel.handshake_hash));
    add(1, fuzz::talk_of_an_inbox(channel.handshake_hash));
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::cerr << "usage: make_corpus FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  fuzz::HonestGroup honest, hybrid(fuzz::xwing_suite);
  Corpus(folder / "mls_message").add_bases(fuzz::message_bases(honest));
  Corpus(folder / "mls_ratchet_tree").add_bases(fuzz::tree_bases(honest, hybrid));
  Corpus(folder / "mls_secrets").add_bases(fuzz::secret_bases(honest));
  Corpus(folder / "mls_extension").add_bases(fuzz::extension_bases());
  make_noise_and_x509(folder);
  make_rpc_door(folder);
  // Which line of its conversation the driver's fuzzer edits; it has about thirty.
  Corpus driver(folder / "mls_driver");
  for (uint8_t line = 0; line < 32; ++line) driver.add(Bytes{line});
  // Flags, and for the live group which message it is; then the edits.
  Corpus process(folder / "mls_process"), join(folder / "mls_join");
  Corpus external_join(folder / "mls_external_join");
  for (uint8_t flags = 0; flags < 32; ++flags) {
    for (const Bytes& script : scripts) {
      Bytes input{flags};
      append(input, script);
      if (flags < 8) join.add(input);
      if (flags < 16) external_join.add(input);
      for (uint8_t base = 0; base < fuzz::process_bases; ++base) {
        input = {flags, base};
        append(input, script);
        process.add(input);
      }
    }
  }
} catch (const std::exception& error) {
  std::cerr << "make_corpus: " << error.what() << '\n';
  return 1;
}
