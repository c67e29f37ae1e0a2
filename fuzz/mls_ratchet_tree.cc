// The ratchet_tree extension: decoding, and all that a joiner checks before any key is used.

#include "fuzz/mls_group.h"
#include "qnpc/mls/tree_validation.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HonestGroup honest, hybrid(fuzz::xwing_suite);
  static const std::vector<Bytes> bases = fuzz::tree_bases(honest, hybrid);
  auto tree = fuzz::round_trip<mls::RatchetTree>(fuzz::edited_one_of(bases, {data, size}));
  if (!tree) return 0;
  for (const mls::Suite* suite : {&honest.suite, &hybrid.suite}) {
    tree->tree_hash(*suite);
    try {
      mls::validate_unmerged_leaves(*tree);
      for (mls::LeafIndex leaf : tree->members()) tree->filtered_direct_path(leaf);
      mls::validate_parent_hashes(*suite, *tree);
      mls::validate_keys(*suite, *tree);
    } catch (const Error&) {
    }
  }
  return 0;
}
