// reject: every rule of RFC 9420 that a message can break, each with one name.
//
//   require(!removes_committer(list, sender), Reject::removes_committer);  // 12.2
#pragma once

#include <string_view>

#include "qnpc/base/error.h"

namespace qnpc::mls {

enum class Reject {
  // Messages and framing, section 6.
  wrong_version,
  wrong_cipher_suite,
  wrong_group,
  wrong_epoch,
  unknown_content_type,
  unknown_sender_type,
  unknown_sender,
  own_message,
  bad_signature,
  bad_membership_tag,
  missing_membership_tag,
  application_not_encrypted,
  nonzero_padding,
  external_sender_content,
  // Secret tree, section 9.
  generation_too_far,
  generation_used,
  // Leaf nodes and key packages, sections 7.3 and 10.1.
  unknown_credential_type,
  bad_leaf_signature,
  bad_key_package_signature,
  missing_required_capability,
  unsupported_credential,
  credential_mismatch,
  credential_refused,
  credential_not_successor,
  certificate_missing,
  certificate_malformed,
  certificate_chain_too_long,
  certificate_wrong_key,
  certificate_wrong_key_usage,
  certificate_wrong_issuer,
  certificate_untrusted,
  certificate_bad_signature,
  certificate_not_yet_valid,
  certificate_expired,
  certificate_not_a_ca,
  certificate_path_too_long,
  certificate_wrong_name,
  certificate_weak,
  certificate_name_refused,
  unsupported_extension,
  unsupported_version,
  lifetime_not_current,
  lifetime_too_long,
  wrong_leaf_source,
  duplicate_signature_key,
  duplicate_encryption_key,
  encryption_key_unchanged,
  init_key_is_encryption_key,
  bad_public_key,
  duplicate_extension,
  malformed_extension,
  // Trees, sections 7.7 to 7.9 and 12.4.3.
  malformed_tree,
  missing_tree,
  wrong_tree_hash,
  wrong_parent_hash,
  bad_unmerged_leaves,
  tree_too_large,
  // Paths, section 7.5 and 7.6.
  wrong_path_length,
  wrong_ciphertext_count,
  wrong_path_key,
  no_path_key,
  // Proposals, section 12.1 and 12.2.
  unknown_proposal_type,
  unsupported_proposal,
  unknown_proposal_reference,
  duplicate_proposal_reference,
  not_a_member,
  update_by_committer,
  removes_committer,
  duplicate_target,
  duplicate_add,
  already_member,
  duplicate_psk,
  bad_psk,
  unknown_psk,
  duplicate_group_context_extensions,
  reinit_not_alone,
  reinit_older_version,
  external_init_in_member_commit,
  bad_external_commit_proposals,
  proposal_not_from_member,
  // Commits and Welcomes, sections 8 and 12.4.
  missing_path,
  bad_confirmation_tag,
  missing_confirmation_tag,
  bad_group_info_signature,
  wrong_signer,
  missing_external_pub,
  wrong_successor,
  not_in_tree,
  proposals_pending,
  proposal_refused,
  reinit_refused,
  log_missing,
  log_changed,
  group_suspended,
};

/// The reject's name as it stands above.
std::string_view name(Reject reject);
/// One sentence for a person.
std::string_view describe(Reject reject);

/// Reason::rejected, with the rule that was broken.
class Rejected : public Error {
 public:
  explicit Rejected(Reject why);
  Reject reject() const { return reject_; }

 private:
  Reject reject_;
};

/// Throws Rejected(why) unless `rule` holds.
inline void require(bool rule, Reject why) {
  if (!rule) throw Rejected(why);
}

}  // namespace qnpc::mls
