# The top-level envelope, and the one call that carries it.

@0xd5ca5648a9cc1c28;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

enum MsgType {
  ping @0;
  # Payload: up to 64 bytes of the caller's choice.
  pong @1;
  # Payload: the ping's, unchanged.
}

struct Envelope {
  msgType @0 :MsgType;
  payload @1 :Data;
}

interface EnvelopeExchange {
  # Both services answer it, so that a client can tell which of them is reachable.

  exchange @0 (request :Envelope) -> (reply :Envelope);
  # ping is answered with pong; anything else fails with `unsupported`.
}
