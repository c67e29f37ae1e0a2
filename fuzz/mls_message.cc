// The outermost decoder: MLSMessage in all five wire formats.

#include "fuzz/mls_group.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HonestGroup honest;
  static const std::vector<Bytes> bases = [] {
    test::TestClient dave(honest.suite, "dave", honest.random);
    mls::KeyPackage package = dave.make_key_package(honest.random).key_package;
    mls::CommitOptions options{.proposals = {{mls::Add{package}}, {mls::Remove{mls::LeafIndex{2}}}},
                               .wire_format = mls::WireFormat::public_message};
    mls::NewCommit made = honest.commit(honest.alice, options);
    Bytes text =
        honest.alice.group().protect(as_view("text"), honest.alice.signer(), 16, honest.random);
    mls::GroupInfo info{.group_context = honest.alice.group().context()};
    return std::vector<Bytes>{std::move(made.message), std::move(*made.welcome), std::move(text),
                              mls::to_message(std::move(package)),
                              mls::to_message(std::move(info))};
  }();
  fuzz::round_trip<mls::MlsMessage>(fuzz::edited_one_of(bases, {data, size}));
  return 0;
}
