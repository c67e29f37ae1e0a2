#include "qnpc/group/group_member.h"

#include <algorithm>
#include <set>

#include "qnpc/base/limits.h"
#include "qnpc/crypto/hash.h"
#include "qnpc/group/key_package.h"
#include "qnpc/group/member_credentials.h"
#include "qnpc/group/padding.h"
#include "qnpc/mls/group.h"

namespace qnpc::group {
namespace {

constexpr size_t group_id_size = 32;
constexpr size_t log_id_size = 32;
constexpr size_t token_size = 32;
constexpr std::string_view token_label = "quicnprotochat append token";

LeafOrigin origin_of(const mls::LeafNode& leaf) {
  const bool is_fresh = leaf.leaf_node_source == mls::LeafNodeSource::key_package;
  return {crypto::digest(crypto::Hash::sha256, leaf.encryption_key),
          is_fresh ? leaf.lifetime.not_before : 0};
}

std::string name_in(const mls::Extensions& extensions) {
  const Bytes* name = mls::find_extension(extensions, group_name_extension);
  return name == nullptr ? "" : to_text(*name);
}

Bytes log_id_in(const mls::Extensions& extensions) {
  const Bytes* id = mls::find_extension(extensions, group_log_extension);
  return id == nullptr ? Bytes() : *id;
}

Suite suite_in(mls::CipherSuite suite) { return static_cast<Suite>(suite); }

Bytes inbox_token_in(const mls::LeafNode& leaf) {
  const Bytes* token = mls::find_extension(leaf.extensions, inbox_token_extension);
  return token == nullptr ? Bytes() : *token;
}

mls::Extensions group_extensions(std::string_view name, Bytes log_id) {
  if (name.size() > limits::group_name) {
    throw Error(Reason::too_large,
                "a group's name has at most " + std::to_string(limits::group_name) + " bytes");
  }
  return {{group_name_extension, to_bytes(name)}, {group_log_extension, std::move(log_id)}};
}

Secret token_of(const mls::Suite& suite, const mls::EpochSecrets& secrets, View log_id) {
  return mls::mls_exporter(suite, secrets, token_label, log_id, token_size);
}

// A proposal that waits keeps everybody from sending (RFC 9420 12.4) until somebody commits it. So
// only that one waits which cannot be committed by who wants it, and which always can by others.
bool removes_its_sender(const mls::QueuedProposal& queued) {
  const auto* remove = queued.proposal.get<mls::Remove>();
  return remove != nullptr && queued.sender.sender_type == mls::SenderType::member &&
         remove->removed == queued.sender.leaf_index();
}

// And who stays in the group stays who they are: a leaf that takes another identity would be
// somebody new whom no commit has announced. The log stays the same one, or members would read
// different ones.
void require_own_rules(const mls::StagedCommit& staged, View log_id) {
  mls::require(!staged.reinit, mls::Reject::reinit_refused);
  mls::require(equal(log_id_in(staged.next->context.extensions), log_id), mls::Reject::log_changed);
  const mls::RatchetTree& next = staged.next->tree;
  const std::set<mls::LeafIndex> removed(staged.removed.begin(), staged.removed.end());
  for (mls::LeafIndex index : staged.old_tree.members()) {
    const mls::LeafNode* leaf = next.leaf(index);
    if (leaf == nullptr || leaf->signature_key == staged.old_tree.leaf(index)->signature_key) {
      continue;
    }
    mls::require(removed.contains(index), mls::Reject::credential_mismatch);
  }
}

// Whether everybody can read a leaf that shows such a credential (RFC 9420 7.3): a program from
// before there were certificates could not.
bool all_support(const mls::Group& group, mls::CredentialType type) {
  return std::ranges::all_of(group.members(), [&](const mls::Member& member) {
    return member.leaf->capabilities.supports(type);
  });
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
  MemberCredentials credentials;
  MemberCredentials received_credentials;  // the same, of what others have accepted

  mls::Policy policy(UnixTime now) const { return {now, credentials}; }
  mls::Group& current() {
    if (!group) throw Error(Reason::usage, "this member has no group yet");
    return *group;
  }
  /// What a commit makes of the group as it is now.
  Received described(const mls::StagedCommit& staged) const;
  /// Throws Reason::usage for who is no member, and for ourselves.
  mls::LeafIndex leaf_of_other(View identity_key) const;
};

GroupMember::GroupMember(const Identity& identity, Storage& keys, Random& random)
    : state_(new State{identity, keys, random, std::nullopt, {}, {}}) {}
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

Bytes GroupMember::generate_key_package(UnixTime now, Suite suite) {
  return mls::to_message(
      make_key_package(state_->identity, suite, state_->keys, state_->random, now));
}

Bytes GroupMember::generate_last_resort(UnixTime now, Suite suite) {
  return mls::to_message(make_key_package(state_->identity, suite, state_->keys, state_->random,
                                          now, KeyPackageUse::last_resort));
}

void GroupMember::require_certificates(const std::vector<Bytes>& ca) {
  state_->credentials = MemberCredentials(ca);
  state_->received_credentials = state_->credentials.at_any_time();
}

std::optional<Uncertified> GroupMember::uncertified(std::optional<UnixTime> now) const {
  const mls::Group& group = state_->current();
  const MemberCredentials& credentials = now ? state_->credentials : state_->received_credentials;
  for (const mls::Member& member : group.members()) {
    const bool is_own = member.index == group.own_leaf();
    const mls::Credential shown =
        is_own ? credential_of(state_->identity) : member.leaf->credential;
    try {
      credentials.validate(mls::suite_of(group.context().cipher_suite), shown,
                           member.leaf->signature_key, now.value_or(UnixTime{}));
    } catch (const mls::Rejected& rejected) {
      return Uncertified{to_bytes(member.leaf->signature_key), rejected.what()};
    }
  }
  return std::nullopt;
}

bool GroupMember::shows_own_credential(UnixTime now) const {
  const mls::Group& group = state_->current();
  const mls::Credential credential = credential_of(state_->identity);
  if (group.tree().leaf(group.own_leaf())->credential == credential) return true;
  if (!all_support(group, credential.credential_type)) return true;
  try {
    state_->credentials.validate(mls::suite_of(group.context().cipher_suite), credential,
                                 state_->identity.identity_key(), now);
    return false;
  } catch (const mls::Rejected&) {
    return true;
  }
}

std::map<Bytes, std::string> GroupMember::certified_names() const {
  std::map<Bytes, std::string> out;
  for (const mls::Member& member : state_->current().members()) {
    const std::vector<Bytes>& chain = member.leaf->credential.certificates;
    if (chain.empty()) continue;
    try {
      out[to_bytes(member.leaf->signature_key)] = crypto::certificate_names(chain.front()).subject;
    } catch (const crypto::ChainRefused&) {
      // Where no CA is required nobody has looked at it.
    }
  }
  return out;
}

void GroupMember::create_group(std::string_view name, UnixTime now, Suite suite) {
  if (state_->group) throw Error(Reason::usage, "this member has a group already");
  state_->group =
      mls::Group::create(mls::suite_of(cipher_suite(suite)), state_->random.bytes(group_id_size),
                         leaf_template(state_->identity, now),
                         group_extensions(name, state_->random.bytes(log_id_size)),
                         state_->identity.key_pair(), state_->random);
}

OwnCommit GroupMember::commit(const Changes& changes, UnixTime now) {
  mls::Group& group = state_->current();
  if (group.pending() != nullptr) throw Error(Reason::usage, "a commit is pending already");
  // By value also who asked to leave: a member from whom the server withholds the request could not
  // follow a commit that refers to it.
  mls::CommitOptions options{.include_proposed = false};
  std::set<mls::LeafIndex> removed;
  for (const Bytes& identity : changes.remove) removed.insert(state_->leaf_of_other(identity));
  for (const Bytes& identity : leaving()) {
    if (!equal(identity, state_->identity.identity_key())) {
      removed.insert(state_->leaf_of_other(identity));
    }
  }
  for (mls::LeafIndex leaf : removed) options.proposals.push_back({mls::Remove{leaf}});
  OwnCommit out;
  for (const Bytes& key_package : changes.add) {
    auto parsed = parse_as<mls::KeyPackage>(key_package, "KeyPackage");
    out.added.push_back(parsed.leaf_node.signature_key);
    options.proposals.push_back({mls::Add{std::move(parsed)}});
  }
  if (changes.name) {
    options.proposals.push_back(
        {mls::GroupContextExtensions{group_extensions(*changes.name, log_id())}});
  }
  if (changes.tells_inbox_token) {
    options.new_leaf_extensions = leaf_template(state_->identity, now).extensions;
  }
  if (!shows_own_credential(now)) options.new_credential = credential_of(state_->identity);
  mls::NewCommit commit =
      group.commit(options, state_->identity.key_pair(), state_->policy(now), state_->random);
  require_own_rules(commit.staged, log_id());
  out.message = commit.message;
  if (commit.welcome) out.welcome = *commit.welcome;
  const mls::Epoch& next = *commit.staged.next;
  out.next_token = token_of(next.suite(), next.secrets, log_id());
  group.set_pending(std::move(commit));
  return out;
}

bool GroupMember::has_pending_commit() const { return state_->current().pending() != nullptr; }

Received GroupMember::enter_pending_commit() {
  mls::Group& group = state_->current();
  if (group.pending() == nullptr) throw Error(Reason::usage, "no commit is pending");
  Received out = state_->described(group.pending()->staged);
  group.merge_pending();
  return out;
}

void GroupMember::discard_pending_commit() { state_->current().discard_pending(); }

Bytes GroupMember::propose_leave(UnixTime now) {
  mls::Group& group = state_->current();
  return group.propose({mls::Remove{group.own_leaf()}}, state_->identity.key_pair(),
                       state_->policy(now), state_->random);
}

std::vector<Bytes> GroupMember::leaving() const {
  const mls::Group& group = state_->current();
  std::set<mls::LeafIndex> leaves;
  for (const mls::QueuedProposal& queued : group.proposals()) {
    if (const auto* remove = queued.proposal.get<mls::Remove>()) leaves.insert(remove->removed);
  }
  return identities(group.tree(), {leaves.begin(), leaves.end()});
}

Bytes GroupMember::request_rejoin(UnixTime now) {
  mls::Group& group = state_->current();
  mls::KeyPackage fresh =
      make_key_package(state_->identity, suite(), state_->keys, state_->random, now);
  return mls::propose_from_outside(group.context(), {mls::SenderType::new_member_proposal, 0},
                                   {mls::Add{std::move(fresh)}}, state_->identity.key_pair());
}

Joined GroupMember::join_group(View welcome) {
  if (state_->group) throw Error(Reason::usage, "this member has a group already");
  auto parsed = parse_as<mls::Welcome>(welcome, "Welcome");
  std::optional<mls::NewKeyPackage> own = find_key_package(parsed, state_->keys);
  if (!own) throw Error(Reason::not_found, "the Welcome is for none of our KeyPackages");
  // Lifetimes are not judged, nor certificates: that is for uncertified().
  const MemberCredentials any;
  mls::Group group = mls::Group::join(
      parsed, {.key_package = own->key_package, .keys = own->keys, .policy = {UnixTime{}, any}});
  mls::require(log_id_in(group.context().extensions).size() == log_id_size,
               mls::Reject::log_missing);
  const Bytes inviter = identities(group.tree(), {group.welcomed_by().value()}).front();
  state_->group = std::move(group);
  Joined out{suite(), own->key_package.ref(), own->key_package.is_last_resort(), inviter};
  if (!out.was_last_resort) forget_key_package(out.key_package, state_->keys);
  return out;
}

Bytes GroupMember::send_message(View plaintext) {
  size_t size = plaintext.size() + codec::length_size(plaintext.size());
  return state_->current().protect(plaintext, state_->identity.key_pair(), padded_size(size) - size,
                                   state_->random);
}

Received GroupMember::receive_message(View message, UnixTime now) {
  // What is not encrypted could come from the server: RFC 9420 12.1.8 lets strangers propose that
  // they be added.
  mls::MlsMessage encrypted{parse_as<mls::PrivateMessage>(message, "PrivateMessage")};
  mls::Policy policy(now, state_->received_credentials);
  policy.accepts_proposal = removes_its_sender;
  mls::Processed processed = state_->current().process(encrypted, policy);
  Received out;
  if (auto* application = std::get_if<mls::ApplicationMessage>(&processed)) {
    out.kind = Received::Kind::application;
    out.sender = std::move(application->sender.signature_key);
    out.plaintext = Secret::copy_of(application->data);
    out.epoch = application->epoch;
    out.skipped = application->skipped;
    wipe(application->data);
  } else if (auto* proposal = std::get_if<mls::ReceivedProposal>(&processed)) {
    out.kind = Received::Kind::leave;
    out.sender =
        state_->current().tree().leaf(proposal->proposal.sender.leaf_index())->signature_key;
  } else {
    mls::StagedCommit& staged = std::get<mls::StagedCommit>(processed);
    if (staged.next) require_own_rules(staged, log_id());
    out = state_->described(staged);
    state_->current().merge(std::move(staged));
  }
  return out;
}

Received GroupMember::State::described(const mls::StagedCommit& staged) const {
  Received out{.kind = Received::Kind::commit};
  const mls::RatchetTree& next = staged.next ? staged.next->tree : staged.old_tree;
  if (const mls::LeafNode* committer = next.leaf(staged.committer)) {
    out.sender = committer->signature_key;
    const mls::LeafNode* before = staged.old_tree.leaf(staged.committer);
    out.changed_credential = before != nullptr && !(before->credential == committer->credential);
  }
  out.removed = identities(staged.old_tree, staged.removed);
  out.removed_us = !staged.next;
  out.adds_us_anew = staged.adds_us_anew;
  if (!staged.next) return out;
  out.added = identities(next, staged.added);
  std::string name = name_in(staged.next->context.extensions);
  if (name != name_in(group->context().extensions)) out.name = std::move(name);
  return out;
}

mls::LeafIndex GroupMember::State::leaf_of_other(View identity_key) const {
  for (const mls::Member& member : group->members()) {
    if (!equal(member.leaf->signature_key, identity_key)) continue;
    if (member.index != group->own_leaf()) return member.index;
    throw Error(Reason::usage, "nobody can remove themselves: propose to leave");
  }
  throw Error(Reason::usage, to_hex(identity_key) + " is no member of the group");
}

bool GroupMember::in_group() const { return state_->group && state_->group->is_active(); }
View GroupMember::group_id() const { return state_->current().context().group_id; }
uint64_t GroupMember::epoch() const { return state_->current().context().epoch; }
Bytes GroupMember::epoch_authenticator() const { return state_->current().epoch_authenticator(); }

std::string GroupMember::group_name() const {
  return name_in(state_->current().context().extensions);
}

Suite GroupMember::suite() const { return suite_in(state_->current().context().cipher_suite); }

Bytes GroupMember::log_id() const { return log_id_in(state_->current().context().extensions); }

Secret GroupMember::append_token() const {
  return state_->current().export_secret(token_label, log_id(), token_size);
}

std::vector<Bytes> GroupMember::members() const {
  const mls::RatchetTree& tree = state_->current().tree();
  return identities(tree, tree.members());
}

std::map<Bytes, Bytes> GroupMember::inbox_tokens() const {
  std::map<Bytes, Bytes> out;
  for (const mls::Member& member : state_->current().members()) {
    out[to_bytes(member.leaf->signature_key)] = inbox_token_in(*member.leaf);
  }
  return out;
}

std::optional<LeafOrigin> GroupMember::leaf_origin(View identity_key) const {
  for (const mls::Member& member : state_->current().members()) {
    if (equal(member.leaf->signature_key, identity_key)) return origin_of(*member.leaf);
  }
  return std::nullopt;
}

bool GroupMember::has_told_inbox_token() const {
  const mls::Group& group = state_->current();
  const mls::LeafNode& leaf = *group.tree().leaf(group.own_leaf());
  return equal(inbox_token_in(leaf), state_->identity.inbox_token().reveal());
}

MessageInfo inspect_message(View message) {
  mls::MlsMessage parsed = mls::parse_message(message);
  if (parsed.get<mls::Welcome>() != nullptr) return {.is_welcome = true};
  if (const auto* m = parsed.get<mls::PrivateMessage>()) {
    return {false, m->group_id, m->epoch, m->content_type == mls::ContentType::proposal,
            m->content_type == mls::ContentType::commit};
  }
  if (const auto* m = parsed.get<mls::PublicMessage>()) {
    return {false, m->content.group_id, m->content.epoch};
  }
  throw Error(Reason::malformed, "the message is neither a Welcome nor a message to a group");
}

RejoinRequest read_rejoin_request(View message) {
  auto parsed = parse_as<mls::PublicMessage>(message, "request to rejoin");
  const mls::FramedContent& content = parsed.content;
  const auto* proposal = std::get_if<mls::Proposal>(&content.content);
  const mls::Add* add = proposal == nullptr ? nullptr : proposal->get<mls::Add>();
  mls::require(add != nullptr && content.sender.sender_type == mls::SenderType::new_member_proposal,
               mls::Reject::external_sender_content);
  const mls::LeafNode& leaf = add->key_package.leaf_node;
  const mls::Suite& suite = mls::suite_of(add->key_package.cipher_suite);
  MemberCredentials().validate(suite, leaf.credential, leaf.signature_key, {});
  // The signature of who is no member does not cover the group's context (6.1).
  mls::verify_content(suite, mls::open_public(suite, parsed, {}, {}), {}, leaf.signature_key);
  return {content.group_id, content.epoch, leaf.signature_key, mls::to_message(add->key_package)};
}

Bytes key_package_ref(View key_package) {
  return parse_as<mls::KeyPackage>(key_package, "KeyPackage").ref();
}

KeyPackageInfo inspect_key_package(View key_package) {
  auto parsed = parse_as<mls::KeyPackage>(key_package, "KeyPackage");
  const mls::LeafNode& leaf = parsed.leaf_node;
  return {suite_in(parsed.cipher_suite), leaf.signature_key, inbox_token_in(leaf), origin_of(leaf)};
}

}  // namespace qnpc::group
