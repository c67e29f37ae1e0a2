#include "qnpc/mls/key_schedule.h"

namespace qnpc::mls {
namespace {

constexpr std::string_view external_init_context = "MLS 1.0 external init secret";  // 8.3

// PSKLabel, 8.4.
Bytes psk_label(const PreSharedKeyId& id, size_t index, size_t count) {
  codec::Writer w;
  codec::write(w, id);
  w.u16(static_cast<uint16_t>(index));
  w.u16(static_cast<uint16_t>(count));
  return w.take();
}

Secret member_secret(const Suite& suite, const Secret& joiner, const Secret& psk) {
  return crypto::hkdf_extract(suite.hash(), joiner.reveal(), psk.reveal());
}

}  // namespace

Secret psk_secret(const Suite& suite, const std::vector<Psk>& psks) {
  if (psks.size() > 0xffff) throw Error(Reason::too_large, "more than 65535 PSKs");
  Secret zeros(suite.hash_size());
  Secret secret(suite.hash_size());
  for (size_t i = 0; i < psks.size(); ++i) {
    Secret extracted = crypto::hkdf_extract(suite.hash(), zeros.reveal(), psks[i].secret.reveal());
    Secret input = expand_with_label(suite, extracted.reveal(), "derived psk",
                                     psk_label(psks[i].id, i, psks.size()), suite.hash_size());
    secret = crypto::hkdf_extract(suite.hash(), input.reveal(), secret.reveal());
  }
  return secret;
}

Secret joiner_secret(const Suite& suite, const Secret& init_secret, const Secret& commit_secret,
                     View group_context) {
  Secret extracted =
      crypto::hkdf_extract(suite.hash(), init_secret.reveal(), commit_secret.reveal());
  return expand_with_label(suite, extracted.reveal(), "joiner", group_context, suite.hash_size());
}

Secret welcome_secret(const Suite& suite, const Secret& joiner, const Secret& psk) {
  return derive_secret(suite, member_secret(suite, joiner, psk).reveal(), "welcome");
}

EpochKeys epoch_keys(const Suite& suite, const Secret& joiner, const Secret& psk,
                     View group_context) {
  Secret epoch_secret = expand_with_label(suite, member_secret(suite, joiner, psk).reveal(),
                                          "epoch", group_context, suite.hash_size());
  return epoch_keys_from(suite, epoch_secret);
}

EpochKeys epoch_keys_from(const Suite& suite, const Secret& epoch_secret) {
  auto derive = [&](std::string_view label) {
    return derive_secret(suite, epoch_secret.reveal(), label);
  };
  return {{.sender_data_secret = derive("sender data"),
           .exporter_secret = derive("exporter"),
           .external_secret = derive("external"),
           .confirmation_key = derive("confirm"),
           .membership_key = derive("membership"),
           .resumption_psk = derive("resumption"),
           .epoch_authenticator = derive("authentication"),
           .init_secret = derive("init")},
          derive("encryption")};
}

Secret mls_exporter(const Suite& suite, const EpochSecrets& secrets, std::string_view label,
                    View context, size_t length) {
  Secret derived = derive_secret(suite, secrets.exporter_secret.reveal(), label);
  return expand_with_label(suite, derived.reveal(), "exported",
                           crypto::digest(suite.hash(), context), length);
}

crypto::HpkeKeyPair external_key_pair(const Suite& suite, const EpochSecrets& secrets) {
  return crypto::derive_hpke_key(suite.kem(), secrets.external_secret.reveal());
}

crypto::HpkeExport send_external_init(const Suite& suite, View external_pub, Random& random) {
  return crypto::hpke_send_export(suite.hpke, external_pub, {}, as_view(external_init_context),
                                  suite.hash_size(), random);
}

Secret receive_external_init(const Suite& suite, const EpochSecrets& secrets, View kem_output) {
  return crypto::hpke_receive_export(suite.hpke, external_key_pair(suite, secrets), kem_output, {},
                                     as_view(external_init_context), suite.hash_size());
}

Bytes confirmed_transcript_hash(const Suite& suite, View interim,
                                const AuthenticatedContent& commit) {
  codec::Writer w;  // ConfirmedTranscriptHashInput
  codec::write(w, commit.wire_format);
  codec::write(w, commit.content);
  codec::write(w, commit.auth.signature);
  return crypto::digest(suite.hash(), {interim, w.view()});
}

Bytes interim_transcript_hash(const Suite& suite, View confirmed, View confirmation_tag) {
  codec::Writer w;  // InterimTranscriptHashInput
  w.opaque(confirmation_tag);
  return crypto::digest(suite.hash(), {confirmed, w.view()});
}

Bytes confirmation_tag(const Suite& suite, const EpochSecrets& secrets, View confirmed) {
  return mac(suite, secrets.confirmation_key, confirmed);
}

}  // namespace qnpc::mls
