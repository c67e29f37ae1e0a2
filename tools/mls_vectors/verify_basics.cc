// tree-math, deserialization and crypto-basics.

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/tree_math.h"
#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

using mls::NodeIndex;
using mls::Suite;

std::string text(const Json& vector, const char* field) {
  return vector.at(field).get<std::string>();
}

// `expected` is the vector's answer for that node: null where the node has no such relative.
void check_relative(const Json& expected, bool exists, NodeIndex (*relative)(NodeIndex),
                    NodeIndex node, const char* what) {
  const std::string name = std::string(what) + " of node " + std::to_string(value(node));
  check(expected.is_null() != exists, name + " is there or is not");
  if (exists) check(value(relative(node)) == expected.get<uint32_t>(), name + " differs");
}

void verify_ref_hash(const Suite& suite, const Json& v) {
  check_equal(mls::ref_hash(suite, text(v, "label"), hex(v, "value")), hex(v, "out"), "ref_hash");
}

void verify_derivations(const Suite& suite, const Json& vector) {
  const Json& expand = vector.at("expand_with_label");
  check_equal(mls::expand_with_label(suite, hex(expand, "secret"), text(expand, "label"),
                                     hex(expand, "context"), expand.at("length").get<size_t>())
                  .reveal(),
              hex(expand, "out"), "expand_with_label");
  const Json& derive = vector.at("derive_secret");
  check_equal(mls::derive_secret(suite, hex(derive, "secret"), text(derive, "label")).reveal(),
              hex(derive, "out"), "derive_secret");
  const Json& tree = vector.at("derive_tree_secret");
  check_equal(mls::derive_tree_secret(suite, hex(tree, "secret"), text(tree, "label"),
                                      tree.at("generation").get<uint32_t>(),
                                      tree.at("length").get<size_t>())
                  .reveal(),
              hex(tree, "out"), "derive_tree_secret");
}

void verify_sign_with_label(const Suite& suite, const Json& v) {
  const Bytes pub = hex(v, "pub");
  const Bytes content = hex(v, "content");
  const std::string label = text(v, "label");
  auto key = signature_key(suite, v, "priv");
  check_equal(key.public_key, pub, "the signature key's public half");
  check(mls::verify_with_label(suite, pub, label, content, hex(v, "signature")),
        "sign_with_label: the signature does not verify");
  Bytes ours = mls::sign_with_label(suite, key, label, content);
  check(mls::verify_with_label(suite, pub, label, content, ours),
        "sign_with_label: our own signature does not verify");
}

void verify_encrypt_with_label(const Suite& suite, const Json& v) {
  const std::string label = text(v, "label");
  const Bytes context = hex(v, "context");
  const Bytes plaintext = hex(v, "plaintext");
  auto key = hpke_key(suite, v, "priv");
  check_equal(key.public_key, hex(v, "pub"), "the HPKE key's public half");
  auto open = [&](View kem_output, View ciphertext) {
    return mls::decrypt_with_label(suite, key, label, context, kem_output, ciphertext);
  };
  check_equal(open(hex(v, "kem_output"), hex(v, "ciphertext")).reveal(), plaintext,
              "encrypt_with_label: the plaintext");
  crypto::SystemRandom random;
  auto ours = mls::encrypt_with_label(suite, hex(v, "pub"), label, context, plaintext, random);
  check_equal(open(ours.kem_output, ours.ciphertext).reveal(), plaintext,
              "encrypt_with_label: the plaintext of our own ciphertext");
}

}  // namespace

void verify_tree_math(const Json& vector) {
  const uint32_t width = mls::tree_width(vector.at("n_leaves").get<uint32_t>());
  const uint32_t nodes = mls::node_count(width);
  const NodeIndex root = mls::root(width);
  check(nodes == vector.at("n_nodes").get<uint32_t>(), "n_nodes differs");
  check(value(root) == vector.at("root").get<uint32_t>(), "root differs");
  for (const char* field : {"left", "right", "parent", "sibling"}) {
    check(vector.at(field).size() == nodes, std::string(field) + " is not of n_nodes elements");
  }
  for (uint32_t i = 0; i < nodes; ++i) {
    const NodeIndex node{i};
    check_relative(vector.at("left")[i], !is_leaf(node), mls::left, node, "left");
    check_relative(vector.at("right")[i], !is_leaf(node), mls::right, node, "right");
    check_relative(vector.at("parent")[i], node != root, mls::parent, node, "parent");
    check_relative(vector.at("sibling")[i], node != root, mls::sibling, node, "sibling");
  }
}

void verify_deserialization(const Json& vector) {
  const Bytes header = hex(vector, "vlbytes_header");
  codec::Reader r(header);
  check(r.length() == vector.at("length").get<uint32_t>(), "the length differs");
  r.expect_end();
}

void verify_crypto_basics(const Json& vector) {
  const Suite& suite = suite_of(vector);
  verify_ref_hash(suite, vector.at("ref_hash"));
  verify_derivations(suite, vector);
  verify_sign_with_label(suite, vector.at("sign_with_label"));
  verify_encrypt_with_label(suite, vector.at("encrypt_with_label"));
}

}  // namespace qnpc::vectors
