// A group's records, docs/group-storage.md. What did not change since the last save is not written.

#include "qnpc/mls/group.h"

namespace qnpc::mls {
namespace {

constexpr uint16_t format_version = 1;

std::string past_name(uint64_t epoch) { return "past/" + std::to_string(epoch); }
std::string past_tree_name(uint64_t epoch) { return "past_secrets/" + std::to_string(epoch); }

template <class Body>
void put(Storage& storage, std::string_view name, Body&& body) {
  codec::SecretWriter w;
  body(w);
  storage.put(name, Secret(w.take()));
}

Secret require_record(const Storage& storage, std::string_view name) {
  std::optional<Secret> record = storage.get(name);
  if (!record) throw Error(Reason::corrupt, "a group's record is missing: " + std::string(name));
  return std::move(*record);
}

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

}  // namespace

void Group::save(Storage& storage) {
  if (unsaved_.epoch) {
    // The epochs that the last save knew and that have left the window since.
    if (auto old = storage.get("group")) {
      codec::Reader r(old->reveal());
      r.u16();
      r.u8();
      for (codec::Reader epochs = r.vector(); !epochs.at_end();) {
        uint64_t epoch = epochs.u64();
        storage.erase(past_name(epoch));
        storage.erase(past_tree_name(epoch));
      }
    }
    put(storage, "epoch", [&](auto& w) { write_epoch(w, epoch_); });
    put(storage, "group", [&](auto& w) {
      w.u16(format_version);
      w.u8(active_ ? 1 : 0);
      w.vector([&](auto& inner) {
        for (const PastEpoch& past : past_) inner.u64(past.context.epoch);
      });
      codec::write(w, reinit_);
    });
    for (const PastEpoch& past : past_) {
      put(storage, past_name(past.context.epoch), [&](auto& w) { write_past_epoch(w, past); });
      unsaved_.past_secret_trees.insert(past.context.epoch);
    }
  }
  if (unsaved_.secret_tree) {
    put(storage, "secrets", [&](auto& w) { epoch_.secret_tree.write(w); });
  }
  if (unsaved_.proposals) {
    put(storage, "proposals", [&](auto& w) {
      write_proposals(w, proposals_);
      w.vector([&](auto& inner) {
        for (const auto& [public_key, key] : update_keys_) {
          codec::write(inner, public_key);
          codec::write(inner, key->private_key);
        }
      });
    });
  }
  for (const PastEpoch& past : past_) {
    if (!unsaved_.past_secret_trees.contains(past.context.epoch)) continue;
    put(storage, past_tree_name(past.context.epoch), [&](auto& w) { past.secret_tree.write(w); });
  }
  unsaved_ = {false, false, false, {}};
}

Group Group::load(const Storage& storage) {
  std::optional<Secret> header = storage.get("group");
  if (!header) throw Error(Reason::not_found, "no group is stored here");
  try {
    codec::Reader r(header->reveal());
    if (r.u16() != format_version) {
      throw Error(Reason::corrupt, "the group was stored by a newer version of this program");
    }
    bool active = r.u8() != 0;
    Secret epoch = require_record(storage, "epoch");
    Secret secrets = require_record(storage, "secrets");
    codec::Reader epoch_reader(epoch.reveal());
    codec::Reader secrets_reader(secrets.reveal());
    Group group(read_epoch(epoch_reader, secrets_reader));
    group.active_ = active;
    for (codec::Reader epochs = r.vector(); !epochs.at_end();) {
      uint64_t number = epochs.u64();
      Secret past = require_record(storage, past_name(number));
      Secret past_secrets = require_record(storage, past_tree_name(number));
      codec::Reader past_reader(past.reveal());
      codec::Reader past_secrets_reader(past_secrets.reveal());
      group.past_.push_back(read_past_epoch(past_reader, past_secrets_reader));
    }
    group.reinit_ = codec::read<std::optional<ReInit>>(r);
    Secret proposals = require_record(storage, "proposals");
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
    group.unsaved_ = {false, false, false, {}};
    return group;
  } catch (const Error& error) {
    if (error.reason() != Reason::malformed && error.reason() != Reason::rejected) throw;
    throw Error(Reason::corrupt, std::string("a group's record does not parse: ") + error.what());
  }
}

}  // namespace qnpc::mls
