#include "qnpc/mls/key_package.h"

namespace qnpc::mls {
namespace {

Bytes tbs(const KeyPackage& m) {
  codec::Writer w;
  codec::write(w, m.version);
  codec::write(w, m.cipher_suite);
  codec::write(w, m.init_key);
  codec::write(w, m.leaf_node);
  codec::write(w, m.extensions);
  return w.take();
}

}  // namespace

void KeyPackage::sign(const Suite& suite, const crypto::SignatureKeyPair& key) {
  signature = sign_with_label(suite, key, "KeyPackageTBS", tbs(*this));
}

Bytes KeyPackage::ref() const {
  return make_key_package_ref(suite_of(cipher_suite), codec::encode(*this));
}

bool KeyPackage::is_last_resort() const {
  return find_extension(extensions, ExtensionType::last_resort) != nullptr;
}

NewKeyPackage new_key_package(const Suite& suite, LeafNode leaf,
                              const crypto::SignatureKeyPair& signer, Random& random,
                              Extensions extensions) {
  require_own_support(leaf);
  if (!leaf.capabilities.support(extensions)) {  // 10 asks it of who sends; a receiver ignores them
    throw Error(Reason::usage, "capabilities do not list what the KeyPackage's extensions are");
  }
  NewKeyPackage out{.keys = {crypto::generate_hpke_key(suite.kem(), random),
                             crypto::generate_hpke_key(suite.kem(), random)}};
  leaf.encryption_key = out.keys.encryption.public_key;
  leaf.leaf_node_source = LeafNodeSource::key_package;
  leaf.sign(suite, signer, std::nullopt);
  out.key_package.cipher_suite = suite.id;
  out.key_package.init_key = out.keys.init.public_key;
  out.key_package.leaf_node = std::move(leaf);
  out.key_package.extensions = std::move(extensions);
  out.key_package.sign(suite, signer);
  return out;
}

void validate_key_package(const KeyPackage& m, const Policy& policy) {
  require(m.version == ProtocolVersion::mls10, Reject::wrong_version);
  const Suite& suite = suite_of(m.cipher_suite);
  validate_leaf(suite, m.leaf_node, LeafNodeSource::key_package, std::nullopt);
  require_bounded(m.leaf_node.lifetime, policy.lifetimes);
  require(crypto::valid_hpke_key(suite.kem(), m.init_key), Reject::bad_public_key);
  require(m.init_key != m.leaf_node.encryption_key, Reject::init_key_is_encryption_key);
  require_unique(m.extensions);  // and no more: unknown ones are ignored (10, 13.4)
  require(verify_with_label(suite, m.leaf_node.signature_key, "KeyPackageTBS", tbs(m), m.signature),
          Reject::bad_key_package_signature);
  validate_credential(suite, m.leaf_node, policy);
}

}  // namespace qnpc::mls
