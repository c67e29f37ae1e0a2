# The Delivery Service (port 7001): a FIFO of opaque payloads for each recipient.
#
# A recipient key is the raw 32-byte Ed25519 public key; any other size fails with `malformed`.
# Errors are Cap'n Proto exceptions whose text begins with the reason's name and a colon
# (docs/rpc.md lists them).

@0xe1a2c5d4b7f60935;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

using import "envelope.capnp".EnvelopeExchange;

interface DeliveryService extends(EnvelopeExchange) {
  enqueue @0 (recipientKey :Data, payload :Data, messageId :Data) -> ();
  # Appends the payload to the recipient's queue; returns once it is durable. messageId is empty, or
  # 16 random bytes chosen by the sender: the same id for the same recipient is stored once, so that
  # a sender who did not hear the answer repeats the call safely.

  fetch @1 (recipientKey :Data) -> (payloads :List(Data));
  # Drains the recipient's queue, oldest first, atomically. A caller that dies before it has used
  # the answer loses those payloads: use read and acknowledge where that matters. One answer holds
  # at most `drain_bytes` (server limits); what is left stays queued for the next call.

  read @2 (recipientKey :Data, after :UInt64, limit :UInt32) -> (entries :List(Entry), more :Bool);
  # The entries with a sequence number greater than `after`, oldest first, at most `limit` of them
  # (0: as many as the server gives at once). Nothing is removed. `more` tells that others follow.

  acknowledge @3 (recipientKey :Data, through :UInt64) -> ();
  # Removes the entries up to and including that sequence number. Repeating it changes nothing.

  struct Entry {
    sequence @0 :UInt64;
    # Increases within a queue, may have gaps; a lower one never appears after a higher one.
    payload @1 :Data;
  }
}
