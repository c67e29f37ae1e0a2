// test_client: a client of the MLS library as tests need it: one identity, KeyPackages, one group.
#pragma once

#include "qnpc/mls/group.h"

namespace qnpc::test {

inline constexpr UnixTime test_time{1'800'000'000};

class TestClient {
 public:
  TestClient(const mls::Suite& suite, std::string name, Random& random)
      : suite_(&suite),
        name_(std::move(name)),
        signer_(crypto::generate_signature_key(suite.signature, random)) {}

  const std::string& name() const { return name_; }
  const crypto::SignatureKeyPair& signer() const { return signer_; }
  mls::Group& group() { return group_.value(); }
  const mls::Group& group() const { return group_.value(); }

  /// All but its keys.
  mls::LeafNode leaf() const {
    mls::LeafNode out;
    out.signature_key = signer_.public_key;
    out.credential.identity = to_bytes(std::string_view(name_));
    out.capabilities = {.versions = {mls::ProtocolVersion::mls10},
                        .cipher_suites = {suite_->id},
                        .extensions = {},
                        .proposals = {},
                        .credentials = {mls::CredentialType::basic}};
    return out;
  }
  mls::NewKeyPackage make_key_package(Random& random) const {
    mls::LeafNode of_ours = leaf();
    of_ours.lifetime = {test_time.seconds - 1000, test_time.seconds + 1000};
    return mls::new_key_package(*suite_, std::move(of_ours), signer_, random);
  }

  void create_group(Random& random, mls::Extensions extensions = {}) {
    group_.emplace(mls::Group::create(*suite_, random.bytes(16), leaf(), std::move(extensions),
                                      signer_, random));
  }
  /// `welcome` is an MLSMessage.
  void join(View welcome, const mls::NewKeyPackage& own) {
    mls::MlsMessage message = mls::parse_message(welcome);
    group_.emplace(mls::Group::join(std::get<mls::Welcome>(message.content),
                                    {.key_package = own.key_package, .keys = own.keys}));
  }
  mls::Processed receive(View message) {
    return group().process(mls::parse_message(message), test_time);
  }
  /// What a client does at the end of a process and at the start of the next.
  void save_and_reload() {
    save();
    reload();
  }
  void save() { group().save(storage_); }
  /// The group as it was saved.
  void reload() { group_.emplace(mls::Group::load(storage_)); }
  const MemoryStorage& storage() const { return storage_; }

 private:
  const mls::Suite* suite_;
  std::string name_;
  crypto::SignatureKeyPair signer_;
  std::optional<mls::Group> group_;
  MemoryStorage storage_;
};

}  // namespace qnpc::test
