// limits: every bound of the server in one place, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace qnpc::server::limits {

// --- Sizes of what a caller sends ---
// A file of 1 MiB with its MLS framing fits four times; larger content belongs in pieces.
inline constexpr size_t payload_bytes = size_t{4} << 20;
// A KeyPackage is about 300 bytes with suite 1 and about 15 KiB with the largest post-quantum keys.
inline constexpr size_t key_package_bytes = size_t{64} << 10;
// A ping carries a nonce or a time, nothing more.
inline constexpr size_t ping_bytes = 64;

// --- What the server keeps for one key ---
// Of all suites together. A client leaves 500 of each of two at most, and two of last resort.
inline constexpr uint64_t key_packages = 1024;
inline constexpr uint64_t key_packages_total_bytes = uint64_t{4} << 20;
// Weeks of absence for a busy person; one inbox cannot fill a disk.
inline constexpr uint64_t inbox_entries = 20'000;
inline constexpr uint64_t inbox_total_bytes = uint64_t{256} << 20;
// Ids remembered so that a repeated call is recognised, also after the entry was taken: far more
// than a client has in doubt at once. Up to twice as many are kept, some 150 KiB for a key.
inline constexpr uint64_t remembered_fingerprints = 2048;
inline constexpr uint64_t remembered_message_ids = 1024;

// What a group of a hundred says in a month, with some files; one log cannot fill a disk.
inline constexpr uint64_t log_entries = 100'000;
inline constexpr uint64_t log_total_bytes = uint64_t{1} << 30;
// Of these a part more for changes of the group alone: one in so many.
inline constexpr uint64_t commit_reserve = 16;
// Logs that one identity may make in all: a group a day for three years. A log is kept for ever,
// since its members may come back after any time, and can grow to log_total_bytes.
inline constexpr uint64_t logs_per_identity = 1000;
// Epochs whose tokens a log knows, some 200 KiB. More than the commits of a busy month, so that a
// member who was away is told of the gap and not that it is a stranger.
inline constexpr uint64_t log_epochs = 4096;
// The largest epoch: SQLite's integers are signed, and a next one must be possible.
inline constexpr uint64_t log_largest_epoch = INT64_MAX - 1;
// A message of the last epoch may be on its way when a commit lands: one slow round trip and one
// reconnection. A removed member can still write for so long, which the others can tell.
inline constexpr std::chrono::seconds previous_epoch_grace{60};

// --- Retention ---
// A KeyPackage is handed out for a day less than our clients make them valid, so that whoever takes
// one can still use it.
inline constexpr std::chrono::hours key_package_age{24 * 89};
// Longer than a holiday; after it a member who was away joins again.
inline constexpr std::chrono::hours retention{24 * 30};
// How exactly it is kept: an entry's age is known to within this.
inline constexpr std::chrono::seconds retention_mark{3600};
// Removed at a time, between which the writer does other things: some 10 ms of writing.
inline constexpr size_t expire_entries = 500;
inline constexpr size_t expire_bytes = size_t{8} << 20;
// How often an event loop asks for it; asking when nothing is due costs a look at a small table.
inline constexpr std::chrono::seconds expire_pause{60};

// --- Sizes of what the server answers ---
// One answer to fetch: with 20,000 pointers it fits in message_words, over which the RPC system
// sends nothing at all. Who wants the rest asks again.
inline constexpr size_t drain_bytes = size_t{6} << 20;
// A page that is read or pushed (or one larger payload): there may be one in memory for each
// subscriber that takes nothing, and who reads can ask for the next one at once.
inline constexpr size_t page_bytes = size_t{256} << 10;
inline constexpr uint32_t page_entries = 1000;
// Of the winning commit that a lost one is answered with; a larger payload has to be read. For all
// calls of a connection that does not listen it is a MiB together.
inline constexpr size_t winner_bytes = size_t{4} << 10;

// --- The queue to the writer thread ---
// About half a second of writing; beyond it, waiting longer helps nobody: `overloaded`.
inline constexpr size_t queued_requests = 8192;
inline constexpr size_t queued_bytes = size_t{64} << 20;
// Answers that wait in memory for the commit they are part of.
inline constexpr size_t batch_answer_bytes = size_t{64} << 20;
// What a loop hands over before its turn ends: while it is busy, the disk need not be idle.
inline constexpr size_t turn_writes = 64;
inline constexpr size_t turn_bytes = size_t{1} << 20;
// A batch waits for callers who are expected half as long as the disk took last, and no longer than
// this where it took very long.
inline constexpr std::chrono::milliseconds longest_gathering{5};
// What it takes to receive a request and answer it, with a channel and RPC between: a batch leaves
// half of the callers for the next one where they keep the loops busy while the disk works.
inline constexpr std::chrono::microseconds serving_time{40};
// SQLite moves the log into the database after this many pages (16 MiB).
inline constexpr int checkpoint_pages = 4000;
// The page cache of the writing connection.
inline constexpr size_t writer_cache_bytes = size_t{64} << 20;
// The database, over which nothing more is stored. A disk is full of one thing at a time: beyond
// this the operator decides.
inline constexpr uint64_t database_bytes = uint64_t{64} << 30;
// A start reads the whole database to find damage early, where that takes about a second at most;
// a larger one is checked by reading its header, and the rest when it is used.
inline constexpr uint64_t full_check_bytes = uint64_t{512} << 20;
// Somebody who looks at the database with a tool of theirs may lock it for a moment.
inline constexpr std::chrono::milliseconds database_busy{2000};

// --- One connection ---
// Words of 8 bytes that one incoming message may have: twice the largest payload.
inline constexpr uint64_t message_words = uint64_t{1} << 20;
// The same for the Authentication Service, whose callers send a KeyPackage at most: twice that.
inline constexpr uint64_t authentication_message_words = 2 * key_package_bytes / 8;
// A longer message counts towards message_memory, from its header until it was served, or has left.
// So do shorter ones that leave behind as many bytes; else they are about as long as what a
// connection holds anyway.
inline constexpr size_t long_message_bytes = size_t{64} << 10;
// For all long messages of all connections together: a hundred of the largest payloads.
inline constexpr size_t message_memory = size_t{512} << 20;
// Of these, for one address: a quarter.
inline constexpr size_t message_memory_share = 4;
// The wait before a push asks again for room in that memory; each one that follows is twice as
// long, up to push_stall.
inline constexpr std::chrono::milliseconds room_retry{100};
// Messages of one connection that are served before the others have their turn: a call is some 20
// us of computing. And output, of which 64 KiB are some 150 us.
inline constexpr size_t messages_a_turn = 16;
inline constexpr size_t output_a_turn = size_t{64} << 10;
// No more is read for so long of whoever made a call too many, since a refusal costs us as much as
// a call or, of a read, more; and with each one that follows, twice as long, up to some seconds.
inline constexpr std::chrono::milliseconds refusal_pause{50};
inline constexpr int refusal_pause_doublings = 6;
// Capabilities in one message: our calls pass one.
inline constexpr unsigned message_capabilities = 16;
// Questions that a peer may leave unfinished, which it does as long as it holds on to the answers;
// each is some 200 bytes to us.
inline constexpr size_t unfinished_questions = 4096;
// Our structs are two deep; what is deeper is not ours.
inline constexpr int message_nesting = 8;
// Logins on one connection: a client logs in once, a bot perhaps for some identities.
inline constexpr size_t sessions = 16;
// Calls that one connection may have unanswered; a client that waits for answers has a few.
inline constexpr size_t calls_in_flight = 256;
// Of these, fetch and read: an answer waits in memory until the peer takes it.
inline constexpr size_t large_answers = 2;
// Output that waits for the peer, over which the connection is given up: those answers, and pushes
// of the largest payloads.
inline constexpr size_t pending_output = size_t{32} << 20;
// Words of unanswered calls of one connection, beyond which no more of it is read.
inline constexpr size_t call_words_in_flight = size_t{2} << 20;
// After its handshake a connection has so long to log in or to show a right token. Whoever has no
// business here must not hold a place; a person who is asked for a passphrase has not connected
// yet.
inline constexpr std::chrono::seconds login_time{10};
// Subscriptions of one connection: its inbox and the logs of its groups. Each is about 2 KiB.
inline constexpr size_t subscriptions = 256;
// Pushes of one connection on their way at once, each a page: many subscriptions together must stay
// below pending_output.
inline constexpr size_t pushes = 4;
// A peer that has not answered a push for so long is gone or stuck: its connection is closed.
inline constexpr std::chrono::seconds push_stall{30};
// The wait before a subscription reads again when the store could not.
inline constexpr std::chrono::seconds read_retry{1};
// A connection without a call for so long is closed; a client connects again when it needs one.
// One with a subscription is not idle.
inline constexpr std::chrono::minutes connection_idle{15};
// TCP asks a silent peer whether it is there: after a minute, and four times fifteen seconds apart.
// One whose machine is gone is noticed after two minutes; one that sleeps does not wake for it
// often.
inline constexpr std::chrono::seconds keepalive_idle{60};
inline constexpr std::chrono::seconds keepalive_interval{15};
inline constexpr int keepalive_probes = 4;
// A connection that we have ended waits so long for its peer to end it too, and reads meanwhile:
// closing a socket with unread requests in it makes the kernel drop the answers on their way.
inline constexpr std::chrono::seconds linger{2};

// --- Rates ---
struct Rate {
  double burst;       // so many at once
  double per_second;  // and then so many a second
};
// The longest that an empty bucket may take to be full, so that its times fit in 64 bits with much
// to spare, and that a debt can last. Whoever wants less than one a decade wants none.
inline constexpr std::chrono::hours longest_refill{24 * 3653};
// A handshake is half a millisecond of computing; an office connects again when the server does.
inline constexpr Rate handshakes_by_address{4000, 200};
// A login is a signature to verify, 60 us; an office with its bots logs in from one address.
inline constexpr Rate logins{2000, 100};
// What comes with a new identity: KeyPackages and an inbox, each with its quota.
inline constexpr Rate admissions{1000, 0.1};
// Who invites a thousand people takes a KeyPackage of each.
inline constexpr Rate claims_by_requester{1200, 1};
// A popular identity joins some groups at once; its client keeps 20 and more and a last resort.
inline constexpr Rate claims_of_target{100, 0.2};
// One person needs one KeyPackage of another for each group, and again where that fails.
inline constexpr Rate claims_of_pair{10, 1.0 / 60};
// Each log can grow to log_total_bytes; logs_per_identity bounds them for ever.
inline constexpr Rate logs_by_identity{50, 1.0 / 60};
// Changes that store nothing: what was read is acknowledged, the inbox's token is another one, a
// stock is dropped. Each is a durable write; a client makes some for each page that it reads.
inline constexpr Rate changes_by_identity{1000, 20};
// Welcomes and requests to rejoin: to a thousand new members, some times.
inline constexpr Rate deliveries{4000, 200};
// Calls that show a token and are refused for it: whoever guesses, or was removed and asks on. A
// member who has lost its place asks once for each of its groups.
inline constexpr Rate refusals{1000, 10};
// KiB that one address has stored, an office with its files. Who appends is not known by name.
inline constexpr Rate stored_kib{512 << 10, 4 << 10};
// What storing something costs beside its bytes: rows, indexes, what is remembered of it.
inline constexpr uint64_t row_bytes = 512;
// Identities and addresses whose rates are known, some 250 bytes each.
inline constexpr size_t rate_keys = 100'000;

// --- All connections ---
// Each is a file descriptor and some 20 KiB.
inline constexpr size_t connections = 16384;
// A handshake costs about a millisecond of computing and waits for its peer five seconds at most.
inline constexpr size_t handshakes = 2048;
// Of these, from one address: a sixteenth, so that one host that never finishes them keeps nobody
// out.
inline constexpr size_t handshakes_share = 16;
// An office behind one address still fits; one host cannot take all the places.
inline constexpr size_t connections_per_address = 4096;
// Connections beyond these limits that are served no further than to be told of it, and for how
// long; of one address as large a share as of the handshakes.
inline constexpr size_t refused_connections = 64;
inline constexpr std::chrono::seconds refused_time{2};
// Connections that the kernel keeps for us until they are accepted.
inline constexpr int listen_backlog = 1024;
// The wait before accepting again when there is no file descriptor or memory for a connection.
inline constexpr std::chrono::milliseconds accept_retry{100};

// --- The metrics ---
// A scraper or two and somebody who looks; each asks once and goes.
inline constexpr size_t metrics_connections = 16;
inline constexpr std::chrono::seconds metrics_time{5};
// A request with the headers of a browser.
inline constexpr size_t metrics_head_bytes = size_t{8} << 10;
// A store that has not answered after so long is of no use to anybody who waits for it.
inline constexpr std::chrono::seconds health_time{2};

// --- The process ---
// Steps of one event loop before it looks at its sockets and timers again: else it does so when it
// has nothing left to do, and a peer that sends as fast as we read keeps all the others waiting.
inline constexpr unsigned steps_between_polls = 256;
// After SIGTERM, what is in flight has so long to end, lingering included.
inline constexpr std::chrono::seconds shutdown{5};

}  // namespace qnpc::server::limits
