// code_points: the numbers of RFC 9420 section 17, and the index types of its trees.
// X-Wing's suite has the number that other implementations (OpenMLS) give it; none is assigned yet.
//
// Enums over the wire are open (any value can be held): GREASE values and the types of others must
// survive a round trip. Where a value matters, a named check judges it.
#pragma once

#include <cstdint>

namespace qnpc::mls {

enum class ProtocolVersion : uint16_t { mls10 = 1 };

enum class CipherSuite : uint16_t {
  mls_128_dhkemx25519_aes128gcm_sha256_ed25519 = 1,
  mls_128_dhkemp256_aes128gcm_sha256_p256 = 2,
  mls_128_dhkemx25519_chacha20poly1305_sha256_ed25519 = 3,
  mls_256_dhkemx448_aes256gcm_sha512_ed448 = 4,
  mls_256_dhkemp521_aes256gcm_sha512_p521 = 5,
  mls_256_dhkemx448_chacha20poly1305_sha512_ed448 = 6,
  mls_256_dhkemp384_aes256gcm_sha384_p384 = 7,
  mls_256_xwing_chacha20poly1305_sha256_ed25519 = 0x004d,
};

enum class WireFormat : uint16_t {
  public_message = 1,
  private_message = 2,
  welcome = 3,
  group_info = 4,
  key_package = 5,
};

enum class ContentType : uint8_t { application = 1, proposal = 2, commit = 3 };

enum class SenderType : uint8_t {
  member = 1,
  external = 2,
  new_member_proposal = 3,
  new_member_commit = 4,
};

enum class ProposalType : uint16_t {
  add = 1,
  update = 2,
  remove = 3,
  psk = 4,
  reinit = 5,
  external_init = 6,
  group_context_extensions = 7,
};

enum class ExtensionType : uint16_t {
  application_id = 1,
  ratchet_tree = 2,
  required_capabilities = 3,
  external_pub = 4,
  external_senders = 5,
  last_resort = 10,  // draft-ietf-mls-extensions, of KeyPackages; not one of the default types
};

enum class CredentialType : uint16_t { basic = 1, x509 = 2 };

enum class LeafNodeSource : uint8_t { key_package = 1, update = 2, commit = 3 };

enum class PskType : uint8_t { external = 1, resumption = 2 };
enum class ResumptionPskUsage : uint8_t { application = 1, reinit = 2, branch = 3 };

/// The n-th leaf of a tree, from the left, counted from 0.
enum class LeafIndex : uint32_t {};
/// A place in the array of nodes (RFC 9420 appendix C): leaf n is node 2n.
enum class NodeIndex : uint32_t {};

constexpr uint32_t value(LeafIndex i) { return static_cast<uint32_t>(i); }
constexpr uint32_t value(NodeIndex i) { return static_cast<uint32_t>(i); }

}  // namespace qnpc::mls
