# The Authentication Service (port 7000): single-use KeyPackages by identity key.
#
# An identity key is the raw 32-byte Ed25519 public key; any other size fails with `malformed`.
# Errors are Cap'n Proto exceptions whose text begins with the reason's name and a colon
# (docs/rpc.md lists them).

@0xb3a8f1be26a5a1f0;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

using import "envelope.capnp".EnvelopeExchange;

interface AuthenticationService extends(EnvelopeExchange) {
  uploadKeyPackage @0 (identityKey :Data, package :Data) -> (fingerprint :Data);
  # Stores one KeyPackage (an MLSMessage, RFC 9420 section 6; opaque to the server) behind those
  # that the identity already has. Returns its SHA-256, once the package is durable. Uploading the
  # same bytes again, also after they were handed out, changes nothing and returns the same
  # fingerprint: a retry never makes a package be handed out twice.

  fetchKeyPackage @1 (identityKey :Data) -> (package :Data);
  # Takes the oldest KeyPackage of the identity. Each package is handed out at most once, also when
  # callers race or the server is killed. Empty when the identity has none.
}
