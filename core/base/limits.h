// limits: every bound of the project in one place, each with its reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace qnpc::limits {

// --- threads (parallel.h) ---
// Beyond these, one client would take a large machine from all others for a second's work.
inline constexpr size_t parallel_threads = 16;
// Pieces for each thread below which starting it costs more than it saves: it takes some 30
// microseconds, and a signature or a key about as long.
inline constexpr size_t parallel_pieces = 4;

// --- Noise (specification section 3: a message is at most 65535 bytes) ---
inline constexpr size_t noise_message = 65535;
// The largest handshake message: the first of XXhfs, 32 + 1184 bytes, and no payload.
inline constexpr size_t noise_handshake_message = 1216;
// Protocols that a peer lists in its payload: with them the second message of XXhfs, 1200 bytes, is
// as long as the first. We have two.
inline constexpr size_t noise_suites = 16;
// All three messages. An honest peer needs two round trips; a silent one must not hold a socket.
inline constexpr std::chrono::seconds noise_handshake_time{5};
// How long the peer may accept not one frame of ours: longer than any TCP hiccup that mends itself.
inline constexpr std::chrono::seconds noise_write_stall{30};
// Output held for a peer that reads too slowly, before the connection is dropped: two of the
// largest RPC messages.
inline constexpr size_t noise_pending_output = size_t{32} << 20;
// Above it a server reads no further requests from a peer that does not take the answers.
inline constexpr size_t noise_read_gate = size_t{64} << 10;
// Segments of one RPC message, as libcapnp's own reader has it; we write one.
inline constexpr uint32_t rpc_segments = 512;

// What gathers until an event loop has nothing left to do waits no longer than this: while many
// peers keep the loop busy, that never comes.
inline constexpr std::chrono::milliseconds longest_turn{1};

// --- MLS ---
// A message that a client will parse. The Welcome (with tree) to a group of 10,000 has about 4 MiB,
// and with the X-Wing suite 26.
inline constexpr size_t mls_message = size_t{32} << 20;
// The widest tree that we handle, in leaves; more would not fit the largest message.
inline constexpr uint32_t mls_members = 65536;
// Elements of any vector of structs: one for each member. Bounds what a short message can claim.
inline constexpr size_t vector_elements = mls_members;
// How far ahead of the last message a sender's ratchet may jump (RFC 9420 15.3: bounded work).
inline constexpr uint32_t mls_forward_generations = 1000;
// Keys kept for messages that arrive out of order, per sender and kind.
inline constexpr size_t mls_kept_generations = 64;
// Epochs whose message keys are kept for messages in flight while a commit landed.
inline constexpr size_t mls_past_epochs = 4;
// Proposals kept for a commit to refer to, per epoch.
inline constexpr size_t mls_pending_proposals = 4096;
// And their bytes: no more than what one commit could hold that had all of them by value.
inline constexpr size_t mls_pending_proposal_bytes = mls_message;
// An X.509 certificate: with RSA keys and a dozen names it has about 3 KiB.
inline constexpr size_t certificate = size_t{16} << 10;
// Certificates in one credential's chain: three or four are usual, each costs a signature check.
inline constexpr size_t certificates = 8;
// A group's name, in bytes of UTF-8: one line on a terminal.
inline constexpr size_t group_name = 128;
// KeyPackage lifetime we issue, and the longest that we accept (RFC 9420 7.2 asks for a maximum).
inline constexpr std::chrono::hours key_package_lifetime{24 * 90};
inline constexpr std::chrono::hours key_package_lifetime_accepted{24 * 366};
// Clocks differ: a KeyPackage may have been made by one that is a day ahead of ours, as one with a
// wrong date is, and a little more.
inline constexpr std::chrono::hours clock_skew{25};

// --- qnpc-mls-driver ---
// A request in bytes: a tree of 10,000 members has about 5 MiB in hexadecimal, 14 with the longest
// keys of RFC 9420; with X-Wing's, one of 3,000 fits.
inline constexpr size_t mls_driver_line = size_t{16} << 20;
// The values in it: three for each of 10,000 who are added. Without this bound `[],[],...` would
// take forty times its own memory.
inline constexpr size_t mls_driver_values = 65536;
// And how deep they stand in one another; five are needed.
inline constexpr size_t mls_driver_depth = 16;
// Handles that are alive at once: a harness that never frees one is stopped, not this machine.
inline constexpr size_t mls_driver_handles = 65536;
// PSKs that one state or transaction knows, those of its past epochs included.
inline constexpr size_t mls_driver_psks = 4096;

}  // namespace qnpc::limits
