// key_schedule: the secrets of an epoch, and where they come from. RFC 9420 section 8.
#pragma once

#include "qnpc/mls/framing.h"

namespace qnpc::mls {

/// Section 8.4: `psks[i]` is the secret of `ids[i]`. All zeros where there are none.
struct Psk {
  PreSharedKeyId id;
  Secret secret;
};
Secret psk_secret(const Suite& suite, const std::vector<Psk>& psks);

/// The joiner_secret, from the previous epoch's init_secret and a commit_secret.
Secret joiner_secret(const Suite& suite, const Secret& init_secret, const Secret& commit_secret,
                     View group_context);
/// What a Welcome's GroupInfo is encrypted with.
Secret welcome_secret(const Suite& suite, const Secret& joiner, const Secret& psk);

/// All that is derived from an epoch_secret, table 4. Not kept: epoch_secret and the encryption
/// secret, which goes into the SecretTree.
struct EpochSecrets {
  Secret sender_data_secret;
  Secret exporter_secret;
  Secret external_secret;
  Secret confirmation_key;
  Secret membership_key;
  Secret resumption_psk;
  Secret epoch_authenticator;
  Secret init_secret;
  static auto wire(auto& m) {
    return std::tie(m.sender_data_secret, m.exporter_secret, m.external_secret, m.confirmation_key,
                    m.membership_key, m.resumption_psk, m.epoch_authenticator, m.init_secret);
  }
};
struct EpochKeys {
  EpochSecrets secrets;
  Secret encryption_secret;
};
/// From a joiner_secret and psk_secret; `group_context` is the new epoch's, encoded.
EpochKeys epoch_keys(const Suite& suite, const Secret& joiner, const Secret& psk,
                     View group_context);
/// From an epoch_secret: for a group's first epoch, where it is random (section 11).
EpochKeys epoch_keys_from(const Suite& suite, const Secret& epoch_secret);

/// MLS-Exporter, 8.5.
Secret mls_exporter(const Suite& suite, const EpochSecrets& secrets, std::string_view label,
                    View context, size_t length);
/// The key pair that external commits are addressed to, section 8.
crypto::HpkeKeyPair external_key_pair(const Suite& suite, const EpochSecrets& secrets);
/// The init_secret of an external commit, 8.3.
crypto::HpkeExport send_external_init(const Suite& suite, View external_pub, Random& random);
Secret receive_external_init(const Suite& suite, const EpochSecrets& secrets, View kem_output);

/// 8.2. `interim` is the transcript hash before the commit; it is empty in epoch 0.
Bytes confirmed_transcript_hash(const Suite& suite, View interim,
                                const AuthenticatedContent& commit);
Bytes interim_transcript_hash(const Suite& suite, View confirmed, View confirmation_tag);
/// 8.1.
Bytes confirmation_tag(const Suite& suite, const EpochSecrets& secrets, View confirmed);

}  // namespace qnpc::mls
