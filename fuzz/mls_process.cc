// A live group against a hostile member: Bob's messages to Alice edited inside, then signed,
// encrypted and tagged with Bob's true keys. What she rejects must leave her group as it was.

#include "fuzz/mls_group.h"

using namespace qnpc;

namespace {

using Records = std::map<std::string, Bytes>;

class Attack {
 public:
  explicit Attack(mls::CipherSuite suite) : honest_(suite) {
    mls::Proposal add{mls::Add{dave_.make_key_package(honest_.random).key_package}};
    mls::Proposal update = honest_.bob.group().make_update(honest_.bob.signer(), honest_.random);
    mls::Proposal remove{mls::Remove{honest_.carol.group().own_leaf()}};
    mls::Proposal extensions{mls::GroupContextExtensions{bob_.context.extensions}};
    bases_ = {codec::encode(add),    codec::encode(update),
              codec::encode(remove), codec::encode(extensions),
              commit_content({}),    commit_content({add, remove}),
              external_commit(),     codec::encode(to_bytes(std::string_view("text")))};
    fuzz::must(bases_.size() == fuzz::process_bases);
    honest_.alice.save_and_reload();
    before_ = records();
  }

  void run(View input) {
    if (input.size() < 2) return;
    const size_t base = input[1] % bases_.size();
    const Bytes bytes = fuzz::edited(bases_[base], input.subspan(2));
    try {
      send(type_of(base), bytes, input[0]);
    } catch (const Error&) {
      fuzz::must(records() == before_);
    }
  }

 private:
  static mls::ContentType type_of(size_t base) {
    constexpr size_t first_commit = 4, text = 7;  // in bases_
    if (base == text) return mls::ContentType::application;
    return base < first_commit ? mls::ContentType::proposal : mls::ContentType::commit;
  }

  // An honest Commit of Bob's, which he does not send.
  Bytes commit_content(std::vector<mls::Proposal> proposals) {
    mls::CommitOptions options{.proposals = std::move(proposals),
                               .wire_format = mls::WireFormat::public_message};
    return content_of(honest_.commit(honest_.bob, options).message);
  }
  // And Dave's, who comes from outside.
  Bytes external_commit() {
    mls::GroupInfo info = honest_.bob.group().group_info(honest_.bob.signer());
    return content_of(mls::Group::external_join(info,
                                                {.leaf = dave_.leaf(), .signer = dave_.signer()},
                                                test::test_time, honest_.random)
                          .message);
  }
  Bytes content_of(View commit) {
    auto message = mls::parse_message(commit);
    auto& content = std::get<mls::PublicMessage>(message.content);
    const Bytes bytes = codec::encode(std::get<mls::Commit>(content.content.content));
    confirmation_tags_[content.content.sender.sender_type] = content.auth.confirmation_tag.value();
    return bytes;
  }

  // Who sends it: Bob, the service of external_senders, or Dave, who may be added or come by
  // himself.
  mls::Sender sender_of(uint8_t flags) const {
    switch (flags >> 3 & 3) {
      case 1: return {mls::SenderType::external, 0};
      case 2: return {mls::SenderType::new_member_proposal};
      case 3: return {mls::SenderType::new_member_commit};
      default: return {mls::SenderType::member, value(bob_.keys.leaf_index())};
    }
  }
  const crypto::SignatureKeyPair& signer_of(const mls::Sender& sender) const {
    switch (sender.sender_type) {
      case mls::SenderType::member: return honest_.bob.signer();
      case mls::SenderType::external: return honest_.service.signer();
      default: return dave_.signer();
    }
  }

  void send(mls::ContentType type, View bytes, uint8_t flags) {
    codec::Reader r(bytes);
    mls::Content content = mls::read_content(type, r);
    r.expect_end();
    const mls::Sender sender = sender_of(flags);
    const bool is_member = sender.sender_type == mls::SenderType::member;
    const bool as_private = is_member && (flags & 1) != 0;
    const bool sign_leaf = (flags & 2) != 0;
    if (auto* commit = std::get_if<mls::Commit>(&content); commit && commit->path && sign_leaf) {
      const auto place = is_member ? bob_.keys.leaf_index() : bob_.tree.leftmost_blank_leaf();
      commit->path->leaf_node.sign(honest_.suite, signer_of(sender),
                                   mls::LeafPosition{bob_.context.group_id, place});
    }
    mls::FramedContent framed{.group_id = bob_.context.group_id,
                              .epoch = bob_.context.epoch,
                              .sender = sender,
                              .authenticated_data = {},
                              .content = std::move(content)};
    auto format = as_private ? mls::WireFormat::private_message : mls::WireFormat::public_message;
    auto authenticated = mls::sign_content(honest_.suite, format, std::move(framed), bob_.context,
                                           signer_of(sender));
    if (type == mls::ContentType::commit) {
      authenticated.auth.confirmation_tag = confirmation_tags_[sender.sender_type];
    }
    receive(as_private ? encrypted(authenticated, type) : tagged(authenticated));
  }

  mls::MlsMessage encrypted(const mls::AuthenticatedContent& content, mls::ContentType type) {
    const mls::MessageKey& key =
        type == mls::ContentType::application ? application_key_ : handshake_key_;
    return {mls::protect_private(honest_.suite, content, key, bob_.secrets.sender_data_secret, 0,
                                 honest_.random)};
  }
  // Not protect_public: it refuses what an honest member does not send.
  mls::MlsMessage tagged(const mls::AuthenticatedContent& content) {
    mls::PublicMessage out{.content = content.content, .auth = content.auth};
    if (out.content.sender.sender_type == mls::SenderType::member) {
      out.membership_tag =
          mls::membership_tag(honest_.suite, content, bob_.context, bob_.secrets.membership_key);
    }
    return {std::move(out)};
  }
  mls::MessageKey first_key(mls::RatchetType type) const {
    return bob_.secret_tree.find(bob_.keys.leaf_index(), type, 0).key.clone();
  }

  // What Alice takes she forgets again: each input meets the same group.
  void receive(const mls::MlsMessage& message) {
    mls::Processed taken = honest_.alice.group().process(message, test::test_time);
    if (auto* staged = std::get_if<mls::StagedCommit>(&taken)) {
      honest_.alice.group().merge(std::move(*staged));
    }
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
  mls::MessageKey handshake_key_ = first_key(mls::RatchetType::handshake);
  mls::MessageKey application_key_ = first_key(mls::RatchetType::application);
  test::TestClient dave_{honest_.suite, "dave", honest_.random};
  std::vector<Bytes> bases_;
  std::map<mls::SenderType, Bytes> confirmation_tags_;
  Records before_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Attack classic(fuzz::suite_1), hybrid(fuzz::xwing_suite);
  Attack& attack = size > 0 && (data[0] & 4) != 0 ? hybrid : classic;
  attack.run({data, size});
  return 0;
}
