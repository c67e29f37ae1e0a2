#include "qnpc/mls/reject.h"

#include <string>

namespace qnpc::mls {
namespace {

struct Rule {
  Reject reject;
  std::string_view name;
  std::string_view description;
};

// In the order of the enum, so that a rule is found by its number.
constexpr Rule rules[] = {
    {Reject::wrong_version, "wrong_version", "the protocol version is not that of the group"},
    {Reject::wrong_cipher_suite, "wrong_cipher_suite", "the cipher suite is not that of the group"},
    {Reject::wrong_group, "wrong_group", "the message belongs to another group"},
    {Reject::wrong_epoch, "wrong_epoch",
     "the message belongs to an epoch that is over or has not begun here"},
    {Reject::unknown_content_type, "unknown_content_type",
     "the content is neither application data, nor a proposal, nor a commit"},
    {Reject::unknown_sender_type, "unknown_sender_type", "the sender type is none that exists"},
    {Reject::unknown_sender, "unknown_sender", "the sender is no member"},
    {Reject::own_message, "own_message", "the message is our own"},
    {Reject::bad_signature, "bad_signature", "the message's signature does not verify"},
    {Reject::bad_membership_tag, "bad_membership_tag",
     "the message's membership tag does not verify"},
    {Reject::missing_membership_tag, "missing_membership_tag",
     "a membership tag is missing, or stands where there must be none"},
    {Reject::application_not_encrypted, "application_not_encrypted",
     "application data came unencrypted"},
    {Reject::nonzero_padding, "nonzero_padding", "the padding is not all zero"},
    {Reject::external_sender_content, "external_sender_content",
     "who is not a member may not send this"},
    {Reject::generation_too_far, "generation_too_far",
     "the message skips more generations than we derive"},
    {Reject::generation_used, "generation_used",
     "the key of this message was used already, or is too old: a replay, perhaps"},
    {Reject::unknown_credential_type, "unknown_credential_type",
     "the credential is of a type that we do not know"},
    {Reject::bad_leaf_signature, "bad_leaf_signature", "a leaf node's signature does not verify"},
    {Reject::bad_key_package_signature, "bad_key_package_signature",
     "a KeyPackage's signature does not verify"},
    {Reject::missing_required_capability, "missing_required_capability",
     "a client lacks what the group requires"},
    {Reject::unsupported_credential, "unsupported_credential",
     "a credential type is in use that a member does not support"},
    {Reject::credential_mismatch, "credential_mismatch",
     "a credential does not name the key that it comes with"},
    {Reject::unsupported_extension, "unsupported_extension",
     "an extension is in use that a client does not support"},
    {Reject::unsupported_version, "unsupported_version", "a client does not support MLS 1.0"},
    {Reject::lifetime_not_current, "lifetime_not_current",
     "a KeyPackage is expired or not yet valid"},
    {Reject::lifetime_too_long, "lifetime_too_long",
     "a KeyPackage claims to be valid for too long"},
    {Reject::wrong_leaf_source, "wrong_leaf_source",
     "a leaf node's source does not fit where it stands"},
    {Reject::duplicate_signature_key, "duplicate_signature_key",
     "two members would have one signature key"},
    {Reject::duplicate_encryption_key, "duplicate_encryption_key",
     "one encryption key would stand in two places of the tree"},
    {Reject::encryption_key_unchanged, "encryption_key_unchanged",
     "an update brings no new encryption key"},
    {Reject::init_key_is_encryption_key, "init_key_is_encryption_key",
     "a KeyPackage's init key is also its leaf's key"},
    {Reject::bad_public_key, "bad_public_key", "a public key is none of its kind"},
    {Reject::duplicate_extension, "duplicate_extension",
     "an extension type stands twice in one list"},
    {Reject::malformed_extension, "malformed_extension", "an extension's content does not parse"},
    {Reject::malformed_tree, "malformed_tree", "the ratchet tree is not well formed"},
    {Reject::missing_tree, "missing_tree", "there is no ratchet tree to join with"},
    {Reject::wrong_tree_hash, "wrong_tree_hash", "the tree's hash is not the announced one"},
    {Reject::wrong_parent_hash, "wrong_parent_hash", "a parent hash does not fit the tree"},
    {Reject::bad_unmerged_leaves, "bad_unmerged_leaves",
     "a list of unmerged leaves does not fit the tree"},
    {Reject::tree_too_large, "tree_too_large", "the tree is wider than we handle"},
    {Reject::wrong_path_length, "wrong_path_length", "the path's length does not fit the tree"},
    {Reject::wrong_ciphertext_count, "wrong_ciphertext_count",
     "the number of encrypted path secrets does not fit the tree"},
    {Reject::wrong_path_key, "wrong_path_key",
     "a path secret does not lead to the path's public keys"},
    {Reject::no_path_key, "no_path_key", "no path secret is encrypted to a key that we have"},
    {Reject::unknown_proposal_type, "unknown_proposal_type",
     "the proposal is of a type that we do not know"},
    {Reject::unsupported_proposal, "unsupported_proposal",
     "a proposal is of a type that a member does not support"},
    {Reject::unknown_proposal_reference, "unknown_proposal_reference",
     "the commit refers to a proposal that we have not seen"},
    {Reject::duplicate_proposal_reference, "duplicate_proposal_reference",
     "the commit refers to one proposal twice"},
    {Reject::not_a_member, "not_a_member", "the proposal is about a leaf that is blank"},
    {Reject::update_by_committer, "update_by_committer",
     "the committer commits an update of its own"},
    {Reject::update_by_value, "update_by_value", "an update stands in a commit by value"},
    {Reject::removes_committer, "removes_committer", "the committer removes itself"},
    {Reject::duplicate_target, "duplicate_target", "two proposals are about one member"},
    {Reject::duplicate_add, "duplicate_add", "one client is added twice"},
    {Reject::already_member, "already_member", "the client to be added is a member"},
    {Reject::duplicate_psk, "duplicate_psk", "one pre-shared key is named twice"},
    {Reject::bad_psk, "bad_psk", "a pre-shared key may not be used in this way"},
    {Reject::unknown_psk, "unknown_psk", "a pre-shared key is named that we do not have"},
    {Reject::duplicate_group_context_extensions, "duplicate_group_context_extensions",
     "the group context extensions are replaced twice"},
    {Reject::reinit_not_alone, "reinit_not_alone", "a ReInit stands beside other proposals"},
    {Reject::reinit_older_version, "reinit_older_version", "a ReInit goes to an older version"},
    {Reject::external_init_in_member_commit, "external_init_in_member_commit",
     "a member commits an ExternalInit"},
    {Reject::bad_external_commit_proposals, "bad_external_commit_proposals",
     "an external commit holds other proposals than it may"},
    {Reject::proposal_not_from_member, "proposal_not_from_member",
     "only a member may propose this"},
    {Reject::missing_path, "missing_path", "the commit needs a path and has none"},
    {Reject::bad_confirmation_tag, "bad_confirmation_tag",
     "the confirmation tag does not verify: we disagree about the group"},
    {Reject::missing_confirmation_tag, "missing_confirmation_tag",
     "a commit has no confirmation tag"},
    {Reject::bad_group_info_signature, "bad_group_info_signature",
     "the GroupInfo's signature does not verify"},
    {Reject::wrong_signer, "wrong_signer", "the signer of the GroupInfo is no member"},
    {Reject::missing_external_pub, "missing_external_pub",
     "the GroupInfo has no key for external commits"},
    {Reject::wrong_successor, "wrong_successor",
     "the new group is not the one that the old group was to become"},
    {Reject::not_in_tree, "not_in_tree", "our own leaf is not in the tree"},
    {Reject::proposals_pending, "proposals_pending",
     "proposals wait: a commit must come before application data"},
    {Reject::proposal_refused, "proposal_refused",
     "this client takes no proposals apart from a commit"},
    {Reject::reinit_refused, "reinit_refused", "this client follows no ReInit"},
    {Reject::group_suspended, "group_suspended",
     "we are no longer a member, or the group is being replaced"},
};

const Rule& rule(Reject reject) { return rules[static_cast<size_t>(reject)]; }

static_assert([] {
  for (size_t i = 0; i < std::size(rules); ++i) {
    if (rules[i].reject != static_cast<Reject>(i)) return false;
  }
  return true;
}());

}  // namespace

std::string_view name(Reject reject) { return rule(reject).name; }
std::string_view describe(Reject reject) { return rule(reject).description; }

Rejected::Rejected(Reject why)
    : Error(Reason::rejected, std::string(describe(why)) + " (" + std::string(name(why)) + ")"),
      reject_(why) {}

}  // namespace qnpc::mls
