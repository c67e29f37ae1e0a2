// Joining on a Welcome by a hostile inviter: GroupInfo and GroupSecrets edited, then encrypted as
// they should be.

#include "fuzz/mls_group.h"

using namespace qnpc;

namespace {

// What Alice's Welcome for Dave holds, opened.
struct Invitation {
  fuzz::HonestGroup honest;
  test::TestClient dave{honest.suite, "dave", honest.random};
  mls::NewKeyPackage own = dave.make_key_package(honest.random);
  Bytes group_secrets;
  Bytes group_info;

  explicit Invitation(mls::CipherSuite suite) : honest(suite) {
    mls::NewCommit made = honest.commit(honest.alice, {.proposals = {{mls::Add{own.key_package}}}});
    auto message = mls::parse_message(*made.welcome);
    const auto& welcome = std::get<mls::Welcome>(message.content);
    mls::GroupSecrets secrets = mls::decrypt_group_secrets(
        honest.suite, own.keys.init, welcome.secrets.front(), welcome.encrypted_group_info);
    group_secrets = to_bytes(codec::encode_secret(secrets).reveal());
    group_info = codec::encode(
        mls::decrypt_group_info(honest.suite, welcome_key(secrets), welcome.encrypted_group_info));
  }

  Secret welcome_key(const mls::GroupSecrets& secrets) const {
    return mls::welcome_secret(honest.suite, secrets.joiner_secret,
                               mls::psk_secret(honest.suite, {}));
  }

  void join(mls::GroupSecrets secrets, mls::GroupInfo info, bool sign_again) {
    if (sign_again) info.sign(honest.suite, honest.alice.signer());
    mls::Welcome welcome{.cipher_suite = honest.suite.id};
    welcome.encrypted_group_info =
        mls::encrypt_group_info(honest.suite, welcome_key(secrets), info);
    std::vector<mls::WelcomeShare> shares;
    shares.push_back({&own.key_package, std::move(secrets),
                      honest.random.secret(crypto::hpke_seed_size(honest.suite.kem()))});
    welcome.secrets =
        mls::encrypt_group_secrets(honest.suite, shares, welcome.encrypted_group_info);
    mls::Group::join(welcome, {.key_package = own.key_package, .keys = own.keys});
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Invitation classic(fuzz::suite_1), hybrid(fuzz::xwing_suite);
  if (size == 0) return 0;
  Invitation& invitation = (data[0] & 4) != 0 ? hybrid : classic;
  const View script = View{data, size}.subspan(1);
  const bool edit_secrets = (data[0] & 1) != 0;
  try {
    auto secrets = codec::decode<mls::GroupSecrets>(
        fuzz::edited(invitation.group_secrets, edit_secrets ? script : View{}));
    auto info = codec::decode<mls::GroupInfo>(
        fuzz::edited(invitation.group_info, edit_secrets ? View{} : script));
    invitation.join(std::move(secrets), std::move(info), (data[0] & 2) != 0);
  } catch (const Error&) {
  }
  return 0;
}
