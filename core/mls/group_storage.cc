// A group's records, docs/group-storage.md. What did not change since the last save is not written.

#include <utility>

#include "qnpc/mls/epoch_storage.h"
#include "qnpc/mls/group.h"
#include "qnpc/mls/pending_commit.h"

namespace qnpc::mls {
namespace {

constexpr uint16_t format_version = 2;

// What the version in front of it is followed by. It says which records there are, and changes
// with each epoch, so that it tells a storage that is not the one a delta was taken from.
struct Header {
  uint8_t active = 0;
  uint8_t pending = 0;      // whether a commit is
  uint8_t past_epochs = 0;  // how many
  uint64_t epoch = 0;
  Bytes confirmation_tag;
  std::optional<ReInit> reinit;
  static auto wire(auto& m) {
    return std::tie(m.active, m.pending, m.past_epochs, m.epoch, m.confirmation_tag, m.reinit);
  }
};

void write_proposals(codec::SecretWriter& w, const ProposalList& proposals) {
  w.vector([&](codec::SecretWriter& inner) {
    for (const QueuedProposal& p : proposals) {
      codec::write(inner, p.proposal);
      codec::write(inner, p.sender);
      codec::write(inner, p.ref);
    }
  });
}

ProposalList read_proposals(codec::Reader& r) {
  ProposalList out;
  codec::Reader list = r.vector();
  while (!list.at_end()) {
    Proposal proposal = codec::read<Proposal>(list);
    Sender sender = codec::read<Sender>(list);
    out.push_back({std::move(proposal), sender, codec::read<Bytes>(list)});
  }
  return out;
}

// What the decoders have to say of our own records means one thing.
bool means_corrupt(Reason reason) {
  return reason == Reason::malformed || reason == Reason::rejected || reason == Reason::too_large ||
         reason == Reason::unsupported || reason == Reason::bad_key;
}

}  // namespace

Bytes Group::header() const {
  codec::Writer w;
  w.u16(format_version);
  codec::write(w, Header{.active = uint8_t{active_},
                         .pending = uint8_t{pending_.has_value()},
                         .past_epochs = static_cast<uint8_t>(past_.size()),
                         .epoch = context().epoch,
                         .confirmation_tag = epoch_.confirmation_tag,
                         .reinit = reinit_});
  return w.take();
}

void Group::mark_all_unsaved() {
  unsaved_ = {.epoch = true, .proposals = true, .pending = pending_.has_value()};
  for (uint32_t i = 0; i < node_count(tree().width()); ++i) {
    if (!tree().is_blank(NodeIndex{i})) unsaved_.nodes.insert(NodeIndex{i});
  }
  epoch_.secret_tree.mark_unsaved();
  for (PastEpoch& past : past_) {
    unsaved_.past.insert(past.context.epoch);
    past.secret_tree.mark_unsaved();
  }
}

void Group::save(Storage& storage) {
  std::optional<Secret> stored = storage.get(record::header);
  if (saved_header_.empty() || !stored || !equal(stored->reveal(), saved_header_)) {
    storage.erase_all(record::header);
    mark_all_unsaved();
    saved_header_.clear();
  }
  const Bytes last_header = std::exchange(saved_header_, {});  // if anything below throws

  for (uint64_t epoch : unsaved_.dropped) {
    storage.erase(record::past(epoch));
    storage.erase_all(record::secrets(epoch));
  }
  if (unsaved_.epoch) {
    put_record(storage, record::epoch, [&](auto& w) { write_epoch(w, epoch_); });
  }
  save_nodes(storage, tree(), unsaved_.nodes);
  if (!was_removed()) epoch_.secret_tree.save(storage, record::secrets(context().epoch));
  for (PastEpoch& past : past_) {
    if (unsaved_.past.contains(past.context.epoch)) save_past_epoch(storage, past);
    past.secret_tree.save(storage, record::secrets(past.context.epoch));
  }
  if (unsaved_.proposals) {
    put_record(storage, record::proposals, [&](auto& w) {
      write_proposals(w, proposals_);
      w.vector([&](auto& inner) {
        for (const auto& [public_key, key] : update_keys_) {
          codec::write(inner, public_key);
          codec::write(inner, key->private_key);
        }
      });
    });
  }
  if (unsaved_.pending) {
    storage.erase_all(record::pending);
    if (pending_) {
      put_record(storage, record::pending, [&](auto& w) { write_pending(w, *pending_); });
      SecretTree& secrets = pending_->staged.next->secret_tree;
      secrets.mark_unsaved();
      secrets.save(storage, record::pending_secrets);
    }
  }
  Bytes now = header();
  if (now != last_header) storage.put(record::header, Secret::copy_of(now));
  saved_header_ = std::move(now);
  unsaved_ = {};
}

Group Group::load_records(const Storage& storage, codec::Reader& r) {
  Header header = codec::read<Header>(r);
  r.expect_end();
  const bool removed = header.active == 0 && !header.reinit;
  Group group(load_epoch(storage, removed));
  require_sound(header.active <= 1 && header.pending <= 1 &&
                    group.context().epoch == header.epoch &&
                    group.epoch_.confirmation_tag == header.confirmation_tag &&
                    header.past_epochs <= header.epoch,
                "their header");
  group.active_ = header.active != 0;
  group.reinit_ = std::move(header.reinit);
  for (uint8_t i = 1; i <= header.past_epochs; ++i) {
    group.past_.push_back(load_past_epoch(storage, group.suite(), header.epoch - i));
  }
  Secret proposals = require_record(storage, record::proposals);
  codec::Reader proposals_reader(proposals.reveal());
  group.proposals_ = read_proposals(proposals_reader);
  for (const QueuedProposal& p : group.proposals_) {
    group.proposal_bytes_ += codec::encode(p.proposal).size();
  }
  for (codec::Reader keys = proposals_reader.vector(); !keys.at_end();) {
    Bytes public_key = codec::read<Bytes>(keys);
    group.update_keys_[public_key] = std::make_shared<const crypto::HpkeKeyPair>(
        crypto::HpkeKeyPair{codec::read<Secret>(keys), public_key});
  }
  proposals_reader.expect_end();
  if (header.pending != 0) group.pending_ = load_pending(storage, group.epoch_);
  group.saved_header_ = group.header();
  return group;
}

Group Group::load(const Storage& storage) {
  std::optional<Secret> header = storage.get(record::header);
  if (!header) throw Error(Reason::not_found, "no group is stored here");
  try {
    codec::Reader r(header->reveal());
    if (uint16_t version = r.u16(); version == format_version) return load_records(storage, r);
  } catch (const Error& error) {
    if (!means_corrupt(error.reason())) throw;
    throw Error(Reason::corrupt, std::string("a group's record does not parse: ") + error.what());
  }
  throw Error(Reason::unsupported,
              "the group was stored by another version of this program, whose records this one "
              "does not read: use that version, or join the group anew");
}

}  // namespace qnpc::mls
