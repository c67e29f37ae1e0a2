# The Delivery Service (port 7001): an inbox of opaque payloads for each recipient, and a log of
# them for each group.
#
# A recipient key is the raw 32-byte Ed25519 public key; a log id and a token have 32 bytes, a token
# hash is the SHA-256 of a token, a message id has 16 bytes. Any other size fails with `malformed`.
# Errors are Cap'n Proto exceptions whose text begins with the reason's name and a colon
# (docs/rpc.md lists them).

@0xe1a2c5d4b7f60935;

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("qnpc::rpc");

using import "envelope.capnp".EnvelopeExchange;

interface DeliveryService extends(EnvelopeExchange) {
  # The calls with a recipient's key but enqueue, and createLog, are for open servers (--open);
  # others answer them with `unauthorized` and have them in a session.

  enqueue @0 (recipientKey :Data, payload :Data, messageId :Data, token :Data) -> ();
  # Appends the payload to the recipient's queue; returns once it is durable. messageId is empty, or
  # 16 random bytes chosen by the sender: the same id for the same recipient is stored once, so that
  # a sender who did not hear the answer repeats the call safely. `token` is what the recipient has
  # set for its inbox: another one fails with `unauthorized`. An open server does not ask for it.

  fetch @1 (recipientKey :Data) -> (payloads :List(Data));
  # Drains the recipient's queue, oldest first, atomically. A caller that dies before it has used
  # the answer loses those payloads: use read and acknowledge where that matters. One answer holds
  # at most `drain_bytes` (server limits); what is left stays queued for the next call.

  read @2 (recipientKey :Data, after :UInt64, limit :UInt32)
      -> (entries :List(Entry), more :Bool, expiredThrough :UInt64);
  # The entries with a sequence number greater than `after`, oldest first, at most `limit` of them
  # (0: as many as the server gives at once). Nothing is removed. `more` tells that others follow.
  # `expiredThrough` is the highest number that retention removed (0: none): where it is greater
  # than `after`, entries are missing.

  acknowledge @3 (recipientKey :Data, through :UInt64) -> ();
  # Removes the entries up to and including that sequence number. Repeating it changes nothing.

  subscribe @4 (recipientKey :Data, after :UInt64, sink :InboxSink) -> (subscription :Subscription);
  # Pushes the entries after `after` to the sink, then says caughtUp, then pushes what comes.

  createLog @5 (logId :Data, epoch :UInt64, tokenHash :Data) -> ();
  # Makes an empty log, whose current epoch and the hash of its token these are. Repeating it with
  # the same values changes nothing; with others it fails with `conflict`.

  append @6 (logId :Data, epoch :UInt64, token :Data, messageId :Data, payload :Data)
      -> (sequence :UInt64);
  # Appends a message or proposal; returns once it is durable. `epoch` is the log's current one or,
  # for a short time after a commit, the one before; any other fails with `conflict`, another token
  # than that of the epoch with `unauthorized`, an unknown log with `not_found`. A call that is
  # repeated with the same message id gets the first answer again.

  appendCommit @7 (logId :Data, epoch :UInt64, token :Data, nextTokenHash :Data, messageId :Data,
                   payload :Data) -> (outcome :CommitOutcome);
  # Appends a commit, which ends the log's current epoch: the next is epoch + 1, with that token.
  # Each epoch is ended by one commit. Whoever comes too late is told which, and has changed
  # nothing. Fails as append does, and with `conflict` in an epoch that the log has not come to.

  readLog @8 (logId :Data, token :Data, after :UInt64, limit :UInt32)
      -> (entries :List(LogEntry), more :Bool, epoch :UInt64, expiredThrough :UInt64);
  # Reads as `read` does. The token is that of any epoch that the log still knows: the newest 4,096.
  # What came before that epoch began is left out: whoever was added finds its beginning so, and no
  # Welcome has to name a position that would tie it to the log. `epoch` is the current one.

  subscribeLog @9 (logId :Data, token :Data, after :UInt64, sink :LogSink)
      -> (subscription :Subscription);
  # As `subscribe`.

  login @10 (identityKey :Data, signature :Data) -> (session :Session);
  # As AuthenticationService.login does, of an identity that it has admitted.

  interface Session {
    # An identity's own inbox, as long as the connection lasts. The calls are those above.

    read @0 (after :UInt64, limit :UInt32)
        -> (entries :List(Entry), more :Bool, expiredThrough :UInt64);
    acknowledge @1 (through :UInt64) -> ();
    subscribe @2 (after :UInt64, sink :InboxSink) -> (subscription :Subscription);

    setDeliveryToken @3 (tokenHash :Data) -> ();
    # From now on that token is what delivers into the inbox. Without one, nobody can.

    createLog @4 (logId :Data, epoch :UInt64, tokenHash :Data) -> ();
    # As above. Fails with `rate_limited` where the caller makes too many.
  }

  struct Entry {
    sequence @0 :UInt64;
    # Increases within an inbox, may have gaps; a lower one never appears after a higher one.
    payload @1 :Data;
  }

  struct LogEntry {
    sequence @0 :UInt64;
    # Increases within a log, may have gaps; a lower one never appears after a higher one.
    epoch @1 :UInt64;
    # In which it was sent.
    isCommit @2 :Bool;
    payload @3 :Data;
  }

  struct CommitOutcome {
    union {
      accepted @0 :UInt64;
      # The commit's sequence number.
      lost @1 :Lost;
    }
    struct Lost {
      epoch @0 :UInt64;
      # The log's current one.
      winner @1 :LogEntry;
      # The commit that ended the epoch. Null when it is no longer held; without its payload where
      # that is longer than 4 KiB: the log has it.
    }
  }
}

interface InboxSink {
  # Made by the subscriber. The next call comes when the last one was answered. A sink that fails a
  # call gets no more; one that leaves a call unanswered for 30 seconds loses its connection.

  entries @0 (entries :List(DeliveryService.Entry), expiredThrough :UInt64) -> ();
  # The next entries. Where `expiredThrough` is greater than the last number before, entries up to
  # it are missing, and there may be none in this call.

  caughtUp @1 () -> ();
  # Once, when all was pushed that was there: what comes from now on is live.
}

interface LogSink {
  # As InboxSink.

  entries @0 (entries :List(DeliveryService.LogEntry), epoch :UInt64, expiredThrough :UInt64) -> ();
  # `epoch` is the log's current one.

  caughtUp @1 () -> ();
}

interface Subscription {
  # Lasts until it is dropped.
}
