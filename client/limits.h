// limits: every bound of the client in one place, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace qnpc::client::limits {

// --- What a person sends and what is read ---
// What a server takes for one message or Welcome, unless its operator lets it take less.
inline constexpr size_t payload_bytes = size_t{4} << 20;
// A text of 2 MiB, padded and encrypted, fits the server's payload limit of 4 MiB.
inline constexpr size_t text_bytes = size_t{2} << 20;
// What a member may make us parse: the largest text and the fields beside it.
inline constexpr size_t content_bytes = text_bytes + 1024;
// What the server hands us for one KeyPackage: see its own limit of the same size.
inline constexpr size_t key_package_bytes = size_t{64} << 10;
// Passphrases come from people and password managers; a larger file was named by mistake.
inline constexpr size_t passphrase_bytes = 1024;
// An invitation is one line of 64 digits.
inline constexpr size_t invitation_file_bytes = 256;
// A chain of certificates, or those of a CA, in PEM: as many as MLS takes of one member.
inline constexpr size_t certificate_file_bytes = size_t{256} << 10;
// Names are typed and stand at the start of each line.
inline constexpr size_t alias_bytes = 64;
// How much of a key at least names somebody: what is shown of one. A name may be shorter, and so
// consist of digits and of letters up to f.
inline constexpr size_t key_start_digits = 8;
// Former keys of one contact, by which what they said is still known to be theirs: more than the
// devices that anybody loses.
inline constexpr size_t former_keys = 16;
// Other keys that a CA certifies as one contact: one is enough to stop for.
inline constexpr size_t rival_keys = 16;

// --- Waiting ---
// The longest a person waits before hearing that a server cannot be reached.
inline constexpr std::chrono::seconds connect{10};
// Noise takes three messages; a server gives up after as many seconds.
inline constexpr std::chrono::seconds handshake{5};
// One call: a durable write on a slow disk behind a queue of others.
inline constexpr std::chrono::seconds call{30};
// How long a command may wait at its end to say goodbye to a server.
inline constexpr std::chrono::seconds goodbye{1};
// After this long without an answer, a person at a terminal is told what we wait for.
inline constexpr std::chrono::seconds patience{1};
// How often `recv --follow` looks where nothing can be pushed, or tries to reach a server that is
// away: unnoticeable for a reader, light for a server.
inline constexpr std::chrono::milliseconds poll_interval{500};
// And where the server pushes: somebody who asked to leave waits no longer than a turn.
inline constexpr std::chrono::milliseconds look_again{10'000};
// Another process on the same state normally needs milliseconds.
inline constexpr std::chrono::seconds state_lock{5};
inline constexpr std::chrono::milliseconds lock_retry{50};

// --- Traffic ---
// Entries taken from the inbox by one call; the server also bounds their bytes (4 MiB).
inline constexpr uint32_t page_entries = 256;
// One answer is at most such a page; a message that claims more is hostile (words of 8 bytes).
inline constexpr uint64_t rpc_answer_words = (uint64_t{8} << 20) / 8;
// Pages of a log or the inbox taken in a row: more than the largest that a server keeps, 1 GiB in
// pages of 256 KiB. One that has no end is hostile.
inline constexpr size_t pages_in_a_row = 10'000;
// Entries of a log that are of an epoch to come, and wait for it: an honest server shows none. What
// is more than a page is one for which a change is missing.
inline constexpr size_t early_entries = 256;
inline constexpr size_t early_bytes = 2 * payload_bytes;
// Deliveries, or KeyPackages, in flight: hides the round trip, and stays far below what a server
// takes of one connection (256).
inline constexpr size_t deliveries_in_flight = 64;
// The same for their bytes: well below what a Noise channel lets wait (32 MiB).
inline constexpr size_t delivery_bytes_in_flight = size_t{8} << 20;

// How often a change to a group is tried while others change it first: with sixteen who do so
// without a pause, each gets its turn.
inline constexpr uint32_t commit_attempts = 100;
// Who asked to leave is removed by the first of the others; each further one waits so much longer.
inline constexpr std::chrono::seconds leave_turn{10};

// KeyPackages of each suite that a client keeps at the server for others to take: more than the
// groups that one is added to before its client runs again.
inline constexpr uint32_t key_package_stock = 20;
// How often a client looks whether that many are there, where it does not know of one being used:
// others may take them without inviting. Between two looks there is the last resort.
inline constexpr std::chrono::hours stock_check{1};
// And again where that failed: a server that is away for a while holds up few commands.
inline constexpr std::chrono::minutes stock_retry{15};
// Older ones are replaced, a third into their lifetime: who was away for two months more can still
// be invited, and who copies the private keys can use them for no longer.
inline constexpr std::chrono::hours key_package_age{24 * 30};
// So long the private keys of a last resort outlive its replacement: a Welcome may be on its way
// from who took it before, and was offline since.
inline constexpr std::chrono::hours last_resort_grace{24 * 7};
// Of so many that were replaced, where somebody uses up one after the other.
inline constexpr size_t replaced_last_resorts = 16;

// --- State ---
// A group in which a change is missing is told of again after so long: a server can make it seem
// so, and then not, with each look.
inline constexpr std::chrono::hours stop_repeated{1};
// Requests to come back to one group that may be answered still: who asks more often than this has
// asked in vain.
inline constexpr size_t rejoin_requests = 8;
// Payloads remembered to recognise one that the server hands out again under a new number. Older
// repetitions are refused by MLS as well, then visibly.
inline constexpr int64_t remembered_payloads = 10'000;

}  // namespace qnpc::client::limits
