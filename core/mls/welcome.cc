#include "qnpc/mls/welcome.h"

#include <algorithm>

#include "qnpc/base/parallel.h"

namespace qnpc::mls {
namespace {

Bytes tbs(const GroupInfo& m) {
  codec::Writer w;
  codec::write(w, m.group_context);
  codec::write(w, m.extensions);
  codec::write(w, m.confirmation_tag);
  codec::write(w, m.signer);
  return w.take();
}

struct WelcomeKey {
  Secret key;
  Secret nonce;
};

WelcomeKey welcome_key(const Suite& suite, const Secret& welcome_secret) {
  return {expand_with_label(suite, welcome_secret.reveal(), "key", {}, suite.key_size()),
          expand_with_label(suite, welcome_secret.reveal(), "nonce", {}, crypto::aead_nonce_size)};
}

}  // namespace

void GroupInfo::sign(const Suite& suite, const crypto::SignatureKeyPair& key) {
  signature = sign_with_label(suite, key, "GroupInfoTBS", tbs(*this));
}

bool GroupInfo::verify(const Suite& suite, View signature_key) const {
  return verify_with_label(suite, signature_key, "GroupInfoTBS", tbs(*this), signature);
}

const EncryptedGroupSecrets* Welcome::find(View key_package_ref) const {
  auto it = std::ranges::find_if(
      secrets, [&](const auto& entry) { return equal(entry.new_member, key_package_ref); });
  return it == secrets.end() ? nullptr : &*it;
}

Bytes encrypt_group_info(const Suite& suite, const Secret& welcome_secret, const GroupInfo& info) {
  auto [key, nonce] = welcome_key(suite, welcome_secret);
  return crypto::aead_seal(suite.aead(), key.reveal(), nonce.reveal(), {}, codec::encode(info));
}

GroupInfo decrypt_group_info(const Suite& suite, const Secret& welcome_secret, View encrypted) {
  auto [key, nonce] = welcome_key(suite, welcome_secret);
  Secret info = crypto::aead_open(suite.aead(), key.reveal(), nonce.reveal(), {}, encrypted);
  return codec::decode<GroupInfo>(info.reveal());
}

std::vector<EncryptedGroupSecrets> encrypt_group_secrets(const Suite& suite,
                                                         const std::vector<WelcomeShare>& shares,
                                                         View encrypted_group_info) {
  // Hashed once: it holds the tree, and there may be as many shares as leaves.
  const crypto::HpkeInfo info = encrypt_context(suite, "Welcome", encrypted_group_info);
  std::vector<EncryptedGroupSecrets> out(shares.size());
  parallel_for(shares.size(), [&](size_t i) {
    const WelcomeShare& share = shares[i];
    auto to =
        crypto::hpke_encapsulate(suite.kem(), share.new_member->init_key, share.seed.reveal());
    auto sealed =
        crypto::hpke_seal(info, std::move(to), {}, codec::encode_secret(share.secrets).reveal());
    out[i] = {share.new_member->ref(),
              {std::move(sealed.kem_output), std::move(sealed.ciphertext)}};
  });
  return out;
}

GroupSecrets decrypt_group_secrets(const Suite& suite, const crypto::HpkeKeyPair& init_key,
                                   const EncryptedGroupSecrets& secrets,
                                   View encrypted_group_info) {
  const HpkeCiphertext& sealed = secrets.encrypted_group_secrets;
  Secret plaintext = decrypt_with_label(suite, init_key, "Welcome", encrypted_group_info,
                                        sealed.kem_output, sealed.ciphertext);
  return codec::decode<GroupSecrets>(plaintext.reveal());
}

}  // namespace qnpc::mls
