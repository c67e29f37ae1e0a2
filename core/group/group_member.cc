#include "qnpc/group/group_member.h"

#include <algorithm>

#include "qnpc/base/limits.h"
#include "qnpc/group/key_package.h"
#include "qnpc/group/padding.h"
#include "qnpc/mls/group.h"

namespace qnpc::group {
namespace {

constexpr size_t group_id_size = 32;

// Our credential rule: a basic credential is the signature key itself, so that an identity key
// names one member and nobody can claim another's.
void require_own_credential(const mls::LeafNode& leaf) {
  mls::require(leaf.credential.credential_type == mls::CredentialType::basic &&
                   leaf.credential.identity == leaf.signature_key,
               mls::Reject::credential_mismatch);
}

void require_own_credentials(const mls::RatchetTree& tree) {
  for (mls::LeafIndex index : tree.members()) require_own_credential(*tree.leaf(index));
}

// And who stays in the group stays who they are: a leaf that takes another identity would be
// somebody new whom no commit has announced.
void require_own_rules(const mls::StagedCommit& staged) {
  mls::require(!staged.reinit, mls::Reject::reinit_refused);
  const mls::RatchetTree& next = staged.next->tree;
  require_own_credentials(next);
  for (mls::LeafIndex index : staged.old_tree.members()) {
    const mls::LeafNode* leaf = next.leaf(index);
    if (leaf == nullptr || leaf->signature_key == staged.old_tree.leaf(index)->signature_key) {
      continue;
    }
    mls::require(std::ranges::count(staged.removed, index) > 0, mls::Reject::credential_mismatch);
  }
}

template <class T>
T parse_as(View message, const char* what) {
  mls::MlsMessage parsed = mls::parse_message(message);
  if (T* content = std::get_if<T>(&parsed.content)) return std::move(*content);
  throw Error(Reason::malformed, std::string("the message is no ") + what);
}

std::vector<Bytes> identities(const mls::RatchetTree& tree,
                              const std::vector<mls::LeafIndex>& leaves) {
  std::vector<Bytes> out;
  for (mls::LeafIndex index : leaves) out.push_back(tree.leaf(index)->signature_key);
  return out;
}

}  // namespace

struct GroupMember::State {
  const Identity& identity;
  Storage& keys;
  Random& random;
  std::optional<mls::Group> group;

  mls::Group& current() {
    if (!group) throw Error(Reason::usage, "this member has no group yet");
    return *group;
  }
  Received applied(mls::StagedCommit staged);
};

GroupMember::GroupMember(const Identity& identity, Storage& keys, Random& random)
    : state_(new State{identity, keys, random, std::nullopt}) {}
GroupMember::GroupMember(GroupMember&&) noexcept = default;
GroupMember& GroupMember::operator=(GroupMember&&) noexcept = default;
GroupMember::~GroupMember() = default;

GroupMember GroupMember::load(const Identity& identity, Storage& keys, Random& random,
                              const Storage& group) {
  GroupMember out(identity, keys, random);
  out.state_->group = mls::Group::load(group);
  return out;
}

void GroupMember::save(Storage& group) { state_->current().save(group); }

Bytes GroupMember::generate_key_package(UnixTime now) {
  return mls::to_message(make_key_package(state_->identity, state_->keys, state_->random, now));
}

void GroupMember::create_group(std::string_view name, UnixTime now) {
  if (state_->group) throw Error(Reason::usage, "this member has a group already");
  if (name.size() > limits::group_name) {
    throw Error(Reason::too_large,
                "a group's name has at most " + std::to_string(limits::group_name) + " bytes");
  }
  state_->group = mls::Group::create(
      mls::suite_of(default_suite), state_->random.bytes(group_id_size),
      leaf_template(state_->identity, now), {{group_name_extension, to_bytes(name)}},
      state_->identity.key_pair(), state_->random);
}

Added GroupMember::add_member(View key_package, UnixTime now) {
  mls::Group& group = state_->current();
  auto parsed = parse_as<mls::KeyPackage>(key_package, "KeyPackage");
  require_own_credential(parsed.leaf_node);
  mls::CommitOptions options;
  options.proposals.push_back({mls::Add{std::move(parsed)}});
  mls::NewCommit commit = group.commit(options, state_->identity.key_pair(), now, state_->random);
  require_own_rules(commit.staged);
  group.merge(std::move(commit.staged));
  return {std::move(commit.message), std::move(*commit.welcome)};
}

void GroupMember::join_group(View welcome) {
  if (state_->group) throw Error(Reason::usage, "this member has a group already");
  auto parsed = parse_as<mls::Welcome>(welcome, "Welcome");
  std::optional<OwnKeyPackage> own = find_key_package(parsed, state_->keys);
  if (!own) throw Error(Reason::not_found, "the Welcome is for none of our KeyPackages");
  mls::Group group =
      mls::Group::join(parsed, {.key_package = own->key_package, .keys = own->private_keys});
  require_own_credentials(group.tree());
  state_->group = std::move(group);
  forget_key_package(own->key_package, state_->keys);
}

Bytes GroupMember::send_message(View plaintext) {
  size_t size = plaintext.size() + codec::length_size(plaintext.size());
  return state_->current().protect(plaintext, state_->identity.key_pair(), padded_size(size) - size,
                                   state_->random);
}

Received GroupMember::receive_message(View message, UnixTime now) {
  // What is not encrypted could come from the server: RFC 9420 12.1.8 lets strangers propose that
  // they be added. And a proposal that waits would keep us from sending (12.4) until somebody
  // commits it, so that one member could silence the rest: members here commit by value.
  mls::MlsMessage encrypted{parse_as<mls::PrivateMessage>(message, "PrivateMessage")};
  mls::require(encrypted.get<mls::PrivateMessage>()->content_type != mls::ContentType::proposal,
               mls::Reject::proposal_refused);
  mls::Processed processed = state_->current().process(encrypted, now);
  Received out;
  if (auto* application = std::get_if<mls::ApplicationMessage>(&processed)) {
    out.kind = Received::Kind::application;
    out.sender = std::move(application->sender.signature_key);
    out.plaintext = Secret::copy_of(application->data);
    wipe(application->data);
  } else {
    out = state_->applied(std::get<mls::StagedCommit>(std::move(processed)));
  }
  return out;
}

// Judges the next epoch by our own rules too, and enters it.
Received GroupMember::State::applied(mls::StagedCommit staged) {
  Received out{.kind = Received::Kind::commit};
  const mls::RatchetTree& next = staged.next ? staged.next->tree : staged.old_tree;
  if (staged.next) {
    require_own_rules(staged);
    out.added = identities(next, staged.added);
  }
  if (const mls::LeafNode* committer = next.leaf(staged.committer)) {
    out.sender = committer->signature_key;
  }
  out.removed = identities(staged.old_tree, staged.removed);
  out.removed_us = !staged.next;
  group->merge(std::move(staged));
  return out;
}

bool GroupMember::in_group() const { return state_->group && state_->group->is_active(); }
View GroupMember::group_id() const { return state_->current().context().group_id; }
uint64_t GroupMember::epoch() const { return state_->current().context().epoch; }
Bytes GroupMember::epoch_authenticator() const { return state_->current().epoch_authenticator(); }

std::string GroupMember::group_name() const {
  const Bytes* name =
      mls::find_extension(state_->current().context().extensions, group_name_extension);
  return name == nullptr ? "" : to_text(*name);
}

std::vector<Bytes> GroupMember::members() const {
  const mls::RatchetTree& tree = state_->current().tree();
  return identities(tree, tree.members());
}

MessageInfo inspect_message(View message) {
  mls::MlsMessage parsed = mls::parse_message(message);
  if (parsed.get<mls::Welcome>() != nullptr) return {.is_welcome = true};
  if (const auto* m = parsed.get<mls::PrivateMessage>()) return {false, m->group_id, m->epoch};
  if (const auto* m = parsed.get<mls::PublicMessage>()) {
    return {false, m->content.group_id, m->content.epoch};
  }
  throw Error(Reason::malformed, "the message is neither a Welcome nor a message to a group");
}

Bytes key_package_identity(View key_package) {
  return parse_as<mls::KeyPackage>(key_package, "KeyPackage").leaf_node.signature_key;
}

}  // namespace qnpc::group
