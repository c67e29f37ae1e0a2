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
  # The first two calls are for open servers (--open); others answer them with `unauthorized`. Who
  # calls them speaks cipher suite 1: they are of that one.

  uploadKeyPackage @0 (identityKey :Data, package :Data) -> (fingerprint :Data);
  # Stores one KeyPackage (an MLSMessage, RFC 9420 section 6; opaque to the server) behind those
  # that the identity already has. Returns its SHA-256, once the package is durable. Uploading the
  # same bytes again, also after they were handed out, changes nothing and returns the same
  # fingerprint: a retry never makes a package be handed out twice.

  fetchKeyPackage @1 (identityKey :Data) -> (package :Data);
  # Takes the oldest KeyPackage of the identity. Each package is handed out at most once, also when
  # callers race or the server is killed. Empty when the identity has none.

  login @2 (identityKey :Data, signature :Data, invitation :Data) -> (session :Session);
  # Proves that the caller has the identity's private key: `signature` is that of the login message
  # of this connection (docs/rpc.md). A call on the session may follow at once, without waiting.
  # `invitation` is empty, or the 32 bytes with which a new identity is admitted. Fails with
  # `unauthorized` for another signature, or an identity that the server does not admit.

  interface Session {
    # What one identity may do, as long as the connection lasts.

    # A cipher suite is a number of RFC 9420 section 17.1. What it stands for is between clients:
    # here it tells KeyPackages apart.

    uploadKeyPackage @0 (package :Data, isLastResort :Bool, cipherSuite :UInt16 = 1)
        -> (fingerprint :Data);
    # As above. One of last resort replaces the one of that suite, and is handed out when there is
    # no other, again and again.

    countKeyPackages @1 (cipherSuite :UInt16 = 1) -> (count :UInt32, hasLastResort :Bool);
    # What is there of that suite for others to take.

    fetchKeyPackage @2 (identityKey :Data, cipherSuite :UInt16 = 1) -> (package :Data);
    # As above, of any identity. Fails with `rate_limited` where the caller takes too many, or too
    # many of one identity. Where all callers together take too many of it, the answer is its last
    # resort.

    dropKeyPackages @3 (cipherSuite :UInt16 = 1) -> ();
    # Removes those of that suite that nobody has taken, but for the one of last resort: for who
    # replaces them by fresh ones.
  }
}
