// Joining by an external commit with a hostile member's GroupInfo: edited, given the tree hash of
// its tree if wanted, and signed again. What can be joined is a commit that a member can read.

#include "fuzz/mls_group.h"

using namespace qnpc;

namespace {

class Door {
 public:
  explicit Door(mls::CipherSuite suite) : honest_(suite) {
    honest_.alice.save_and_reload();
    info_ = codec::encode(honest_.alice.group().group_info(honest_.alice.signer()));
  }

  void run(uint8_t flags, View script) {
    const Bytes bytes = fuzz::edited(info_, script);
    try {
      auto info = codec::decode<mls::GroupInfo>(bytes);
      if ((flags & 1) != 0) fit_tree_hash(info);
      if ((flags & 2) != 0) info.sign(honest_.suite, honest_.alice.signer());
      mls::ExternalJoinInputs inputs{.leaf = dave_.leaf(), .signer = dave_.signer()};
      if ((flags & 8) != 0) inputs.replaces = honest_.carol.group().own_leaf();
      const auto join = mls::Group::external_join(info, inputs, test::test_time, honest_.random);
      honest_.alice.receive(join.message);
    } catch (const Error&) {
      fuzz::must(!equal(bytes, info_) || (flags & 8) != 0);  // Dave is not Carol
    }
  }

 private:
  void fit_tree_hash(mls::GroupInfo& info) const {
    constexpr auto type = mls::ExtensionType::ratchet_tree;
    if (auto tree = mls::get_extension<mls::RatchetTree>(info.extensions, type)) {
      info.group_context.tree_hash = tree->tree_hash(honest_.suite);
    }
  }

  fuzz::HonestGroup honest_;
  test::TestClient dave_{honest_.suite, "dave", honest_.random};
  Bytes info_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Door classic(fuzz::suite_1), hybrid(fuzz::xwing_suite);
  if (size == 0) return 0;
  Door& door = (data[0] & 4) != 0 ? hybrid : classic;
  door.run(data[0], View{data, size}.subspan(1));
  return 0;
}
