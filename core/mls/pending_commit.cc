#include "qnpc/mls/pending_commit.h"

#include <algorithm>

#include "qnpc/mls/epoch_storage.h"

namespace qnpc::mls {
namespace {

void write_changed_nodes(codec::SecretWriter& w, const RatchetTree& next, const RatchetTree& old) {
  w.vector([&](auto& inner) {
    for (NodeIndex node : next.changed_since(old)) {
      if (value(node) >= node_count(next.width())) continue;  // cut off with the width
      codec::write(inner, node);
      next.write_node(inner, node);
    }
  });
}

void read_changed_nodes(codec::Reader& r, RatchetTree& tree) {
  for (codec::Reader nodes = r.vector(); !nodes.at_end();) {
    NodeIndex node = codec::read<NodeIndex>(nodes);
    require_sound(value(node) < node_count(tree.width()), "a node of the pending commit");
    tree.read_node(nodes, node);
  }
}

void write_custom(codec::SecretWriter& w, const std::vector<Custom>& custom) {
  std::vector<Proposal> proposals;
  for (const Custom& c : custom) proposals.push_back({c});
  codec::write(w, proposals);
}

std::vector<Custom> read_custom(codec::Reader& r) {
  std::vector<Custom> out;
  for (Proposal& proposal : codec::read<std::vector<Proposal>>(r)) {
    require_sound(proposal.get<Custom>() != nullptr, "a proposal of the pending commit");
    out.push_back(std::get<Custom>(std::move(proposal.content)));
  }
  return out;
}

bool all_in(const RatchetTree& tree, const std::vector<LeafIndex>& leaves) {
  return std::ranges::all_of(leaves, [&](LeafIndex l) { return tree.leaf(l) != nullptr; });
}

}  // namespace

void write_pending(codec::SecretWriter& w, const NewCommit& commit) {
  const StagedCommit& staged = commit.staged;
  codec::write(w, commit.message);
  codec::write(w, commit.welcome);
  codec::write(w, commit.proposals);
  codec::write(w, staged.added);
  codec::write(w, staged.updated);
  codec::write(w, staged.removed);
  codec::write(w, staged.reinit);
  write_custom(w, staged.custom);
  write_epoch(w, *staged.next);
  write_changed_nodes(w, staged.next->tree, staged.old_tree);
}

NewCommit load_pending(const Storage& storage, const Epoch& current) {
  Secret record = require_record(storage, record::pending);
  codec::Reader r(record.reveal());
  NewCommit out;
  StagedCommit& staged = out.staged;
  out.message = codec::read<Bytes>(r);
  out.welcome = codec::read<std::optional<Bytes>>(r);
  out.proposals = codec::read<std::vector<Proposal>>(r);
  staged.epoch = current.context.epoch;
  staged.committer = current.own_leaf();
  staged.added = codec::read<std::vector<LeafIndex>>(r);
  staged.updated = codec::read<std::vector<LeafIndex>>(r);
  staged.removed = codec::read<std::vector<LeafIndex>>(r);
  staged.reinit = codec::read<std::optional<ReInit>>(r);
  staged.custom = read_custom(r);
  staged.old_tree = current.tree;
  Epoch next = read_epoch(r);
  uint32_t width = next.tree.width();
  next.tree = current.tree;
  next.tree.set_width(width);
  read_changed_nodes(r, next.tree);
  r.expect_end();

  require_sound(next.context.group_id == current.context.group_id &&
                    next.context.cipher_suite == current.context.cipher_suite &&
                    next.context.epoch == current.context.epoch + 1 &&
                    next.own_leaf() == current.own_leaf(),
                "the pending commit");
  require_sound(all_in(next.tree, staged.added) && all_in(next.tree, staged.updated) &&
                    all_in(current.tree, staged.removed),
                "the pending commit's members");
  require_consistent_epoch(next, false);
  next.secret_tree = SecretTree::load(next.suite(), width, storage, record::pending_secrets);
  staged.next = std::move(next);
  return out;
}

void Group::set_pending(NewCommit&& commit) {
  if (pending_) throw Error(Reason::usage, "a commit is pending already: merge or discard it");
  require(active_, Reject::group_suspended);
  require(commit.staged.epoch == context().epoch, Reject::wrong_epoch);
  pending_ = std::move(commit);
  unsaved_.pending = true;
}

void Group::merge_pending() {
  if (!pending_) throw Error(Reason::usage, "no commit is pending");
  StagedCommit staged = std::move(pending_->staged);
  merge(std::move(staged));
}

void Group::discard_pending() {
  if (!pending_) return;
  pending_.reset();
  unsaved_.pending = true;
}

}  // namespace qnpc::mls
