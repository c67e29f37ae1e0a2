// A live group against a hostile member: Bob's messages to Alice edited inside, then signed,
// encrypted and tagged with Bob's true keys. What she rejects must leave her group as it was.

#include "fuzz/mls_group.h"

using namespace qnpc;

namespace {

using Records = std::map<std::string, Bytes>;

class Attack {
 public:
  explicit Attack(mls::CipherSuite suite) : honest_(suite) {
    test::TestClient dave(honest_.suite, "dave", honest_.random);
    mls::Proposal add{mls::Add{dave.make_key_package(honest_.random).key_package}};
    mls::Proposal update = honest_.bob.group().make_update(honest_.bob.signer(), honest_.random);
    mls::Proposal remove{mls::Remove{honest_.carol.group().own_leaf()}};
    bases_ = {codec::encode(add), codec::encode(update), codec::encode(remove), commit_content({}),
              commit_content({add, remove})};
    fuzz::must(bases_.size() == fuzz::process_bases);
    honest_.alice.save_and_reload();
    before_ = records();
  }

  void run(View input) {
    if (input.size() < 2) return;
    const size_t base = input[1] % bases_.size();
    const Bytes bytes = fuzz::edited(bases_[base], input.subspan(2));
    try {
      send(base < first_commit ? mls::ContentType::proposal : mls::ContentType::commit, bytes,
           (input[0] & 1) != 0, (input[0] & 2) != 0);
    } catch (const Error&) {
      fuzz::must(records() == before_);
    }
  }

 private:
  static constexpr size_t first_commit = 3;  // in bases_

  // An honest Commit of Bob's, which he does not send.
  Bytes commit_content(std::vector<mls::Proposal> proposals) {
    mls::CommitOptions options{.proposals = std::move(proposals),
                               .wire_format = mls::WireFormat::public_message};
    auto message = mls::parse_message(honest_.commit(honest_.bob, options).message);
    auto& content = std::get<mls::PublicMessage>(message.content);
    confirmation_tag_ = content.auth.confirmation_tag.value();
    return codec::encode(std::get<mls::Commit>(content.content.content));
  }

  void send(mls::ContentType type, View bytes, bool as_private, bool sign_leaf) {
    codec::Reader r(bytes);
    mls::Content content = mls::read_content(type, r);
    r.expect_end();
    if (auto* commit = std::get_if<mls::Commit>(&content); commit && commit->path && sign_leaf) {
      commit->path->leaf_node.sign(
          honest_.suite, honest_.bob.signer(),
          mls::LeafPosition{bob_.context.group_id, bob_.keys.leaf_index()});
    }
    mls::FramedContent framed{.group_id = bob_.context.group_id,
                              .epoch = bob_.context.epoch,
                              .sender = {mls::SenderType::member, value(bob_.keys.leaf_index())},
                              .authenticated_data = {},
                              .content = std::move(content)};
    auto format = as_private ? mls::WireFormat::private_message : mls::WireFormat::public_message;
    auto authenticated = mls::sign_content(honest_.suite, format, std::move(framed), bob_.context,
                                           honest_.bob.signer());
    if (type == mls::ContentType::commit) authenticated.auth.confirmation_tag = confirmation_tag_;
    receive(as_private ? encrypted(authenticated) : tagged(std::move(authenticated)));
  }

  mls::MlsMessage encrypted(const mls::AuthenticatedContent& content) {
    return {mls::protect_private(honest_.suite, content, key_, bob_.secrets.sender_data_secret, 0,
                                 honest_.random)};
  }
  mls::MlsMessage tagged(mls::AuthenticatedContent content) {
    return {mls::protect_public(honest_.suite, std::move(content), bob_.context,
                                bob_.secrets.membership_key)};
  }

  // What Alice takes she forgets again: each input meets the same group.
  void receive(const mls::MlsMessage& message) {
    honest_.alice.group().process(message, test::test_time);
    honest_.alice.reload();
  }

  Records records() {
    honest_.alice.save();
    Records out;
    for (const auto& [name, record] : honest_.alice.storage().records()) {
      out[name] = to_bytes(record.reveal());
    }
    return out;
  }

  fuzz::HonestGroup honest_;
  mls::Epoch bob_ = fuzz::epoch_of(honest_.bob);
  mls::MessageKey key_ =
      bob_.secret_tree.find(bob_.keys.leaf_index(), mls::RatchetType::handshake, 0).key.clone();
  std::vector<Bytes> bases_;
  Bytes confirmation_tag_;
  Records before_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Attack classic(fuzz::suite_1), hybrid(fuzz::xwing_suite);
  Attack& attack = size > 0 && (data[0] & 4) != 0 ? hybrid : classic;
  attack.run({data, size});
  return 0;
}
