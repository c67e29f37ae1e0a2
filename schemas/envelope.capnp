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

enum Registration {
  open @0;
  # Every identity is admitted at its first login.
  invitation @1;
  # A new one needs an invitation.
  closed @2;
  # Only those are admitted whom the operator has named.
}

struct ServerDescription {
  version @0 :Text;
  # Of the release.
  openCalls @1 :Bool;
  # Whether the calls that need no login are answered: the server protects nobody's inbox.
  registration @2 :Registration;
  deliveryPort @3 :UInt16;
  # Where the Delivery Service listens, on the same host.
  requiresHybrid @4 :Bool;
  # Whether the classic handshake is refused. Servers from before say nothing: false.
}

interface EnvelopeExchange {
  # Both services answer it, so that a client can tell which of them is reachable.

  exchange @0 (request :Envelope) -> (reply :Envelope);
  # ping is answered with pong; anything else fails with `unsupported`.

  describe @1 () -> (server :ServerDescription);
}
