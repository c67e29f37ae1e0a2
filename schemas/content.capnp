# What members say to each other: the plaintext of an MLS application message. No server sees it.
#
# One message in the standard stream framing of Cap'n Proto, unpacked; docs/content.md. Limits are
# the client's (client/limits.h): 2 MiB of text.

@0xc1f0a7d3925be846;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

struct Content {
  messageId @0 :Data;
  # 16 random bytes that name the message for later ones which refer to it.

  sentAt @1 :UInt64;
  # Milliseconds since 1970-01-01 UTC, by the sender's clock: a claim, not a proof.

  union {
    none @2 :Void;
    # What an empty struct reads as: no content that anybody sends.

    text @3 :Text;
    # UTF-8. May hold line feeds and any other character: whoever shows it must escape what would
    # control a terminal.
  }
}
