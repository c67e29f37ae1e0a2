# What the operator does with a running server, over the Unix socket in its data directory: whoever
# may open that may do it. Cap'n Proto RPC, unpacked, without Noise.

@0x9d41c6b7e8a2f035;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

interface Admin {
  invite @0 (uses :UInt32, days :UInt32) -> (invitation :Data);
  # 32 random bytes, of which the server keeps the SHA-256: they are told this once.

  invitations @1 () -> (invitations :List(Invitation));

  revoke @2 (id :Data) -> ();
  # Whom it has let in stays. `not_found` where there is none.

  setAdmitted @3 (identityKey :Data, admitted :Bool) -> ();
  # One that is no longer admitted is refused whatever the server's policy is, and its connections
  # end.

  admitted @4 () -> (identityKeys :List(Data));
  # Who was added, or came with an invitation.

  struct Invitation {
    id @0 :Data;
    # The SHA-256 of the invitation.
    uses @1 :UInt32;
    used @2 :UInt32;
    expires @3 :Int64;
    # Seconds since 1970.
  }
}
