// The decoders behind an AEAD: GroupInfo, GroupSecrets, and the content of a PrivateMessage.

#include "fuzz/mls_group.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HonestGroup honest;
  static const std::vector<Bytes> bases = [] {
    const mls::Group& group = honest.alice.group();
    mls::GroupInfo info{
        .group_context = group.context(),
        .extensions = {{mls::ExtensionType::ratchet_tree, codec::encode(group.tree())}}};
    mls::GroupSecrets secrets{.joiner_secret = Secret(32)};
    secrets.path_secret = mls::PathSecret{Secret(32)};
    secrets.psks = {{.psktype = mls::PskType::external, .psk_id = Bytes(4), .psk_nonce = Bytes(32)},
                    {.psktype = mls::PskType::resumption, .psk_nonce = Bytes(32)}};
    mls::AuthenticatedContent content{
        .wire_format = mls::WireFormat::private_message,
        .content = {.content = mls::Commit{}},
        .auth = {.signature = Bytes(64), .confirmation_tag = Bytes(32)}};
    return std::vector<Bytes>{codec::encode(info), to_bytes(codec::encode_secret(secrets).reveal()),
                              codec::encode(content)};
  }();
  const Bytes bytes = fuzz::edited_one_of(bases, {data, size});
  fuzz::round_trip<mls::GroupInfo>(bytes);
  fuzz::round_trip<mls::GroupSecrets>(bytes);
  fuzz::round_trip<mls::AuthenticatedContent>(bytes);
  return 0;
}
