// A group that continues another with new parameters, or branches from it. RFC 9420 11.2 and 11.3.

#include <algorithm>

#include "qnpc/mls/group.h"

namespace qnpc::mls {
namespace {

bool ties_to_predecessor(const PreSharedKeyId& id) {
  return id.psktype == PskType::resumption && id.usage != ResumptionPskUsage::application;
}

using Leaves = std::vector<const LeafNode*>;

Leaves leaves_of(const RatchetTree& tree) {
  Leaves out;
  for (LeafIndex index : tree.members()) out.push_back(tree.leaf(index));
  return out;
}

// Every client of `some` is also in `all`. Leaves match when their credentials present the same.
bool clients_within(const Leaves& some, const Leaves& all, const CredentialPolicy& credentials) {
  std::set<Bytes> known;
  for (const LeafNode* leaf : all) known.insert(credentials.identity(leaf->credential));
  return std::ranges::all_of(some, [&](const LeafNode* leaf) {
    return known.contains(credentials.identity(leaf->credential));
  });
}

}  // namespace

PreSharedKeyId Group::resumption_psk_id(ResumptionPskUsage usage, Bytes nonce) const {
  return {.psktype = PskType::resumption,
          .usage = usage,
          .psk_group_id = context().group_id,
          .psk_epoch = context().epoch,
          .psk_nonce = std::move(nonce)};
}

void validate_successor(const std::vector<PreSharedKeyId>& psks, const Group* predecessor,
                        const GroupContext& context, const RatchetTree& tree,
                        const CredentialPolicy& credentials) {
  auto tie = std::ranges::find_if(psks, ties_to_predecessor);
  if (tie == psks.end()) {
    require(predecessor == nullptr, Reject::wrong_successor);
    return;
  }
  // 12.4.3.1: it is the only such PSK, the epoch is 1, and we know the group that it names.
  require(std::ranges::count_if(psks, ties_to_predecessor) == 1, Reject::bad_psk);
  require(predecessor != nullptr, Reject::unknown_psk);
  require(context.epoch == 1, Reject::wrong_successor);
  const GroupContext& old = predecessor->context();
  require(tie->psk_group_id == old.group_id, Reject::wrong_successor);
  if (tie->usage == ResumptionPskUsage::branch) {  // from that epoch; the old group goes on (11.3)
    require(context.version == old.version && context.cipher_suite == old.cipher_suite,
            Reject::wrong_successor);
    const std::optional<Leaves> members = predecessor->leaves_at(tie->psk_epoch);
    require(members && clients_within(leaves_of(tree), *members, credentials),
            Reject::wrong_successor);
    return;
  }
  require(tie->usage == ResumptionPskUsage::reinit, Reject::bad_psk);
  const std::optional<ReInit>& reinit = predecessor->reinit();
  require(tie->psk_epoch == old.epoch, Reject::wrong_successor);  // the last one (11.2)
  require(reinit.has_value() && context.group_id == reinit->group_id &&
              context.version == reinit->version && context.cipher_suite == reinit->cipher_suite &&
              context.extensions == reinit->extensions,
          Reject::wrong_successor);
  require(clients_within(leaves_of(predecessor->tree()), leaves_of(tree), credentials),
          Reject::wrong_successor);
}

}  // namespace qnpc::mls
