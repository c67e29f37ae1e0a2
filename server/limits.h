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
// A client keeps about a hundred for others to take and refills by itself.
inline constexpr uint64_t key_packages = 500;
inline constexpr uint64_t key_packages_total_bytes = uint64_t{4} << 20;
// Weeks of absence for a busy person; one inbox can not fill a disk.
inline constexpr uint64_t inbox_entries = 20'000;
inline constexpr uint64_t inbox_total_bytes = uint64_t{256} << 20;
// Ids remembered so that a repeated call is recognised, also after the entry was taken: far more
// than a client has in doubt at once, and at most some 100 KiB for each key.
inline constexpr uint64_t remembered_fingerprints = 2048;
inline constexpr uint64_t remembered_message_ids = 1024;

// --- Sizes of what the server answers ---
// One answer to fetch is a message in memory on both sides.
inline constexpr size_t drain_bytes = size_t{32} << 20;
// A page of read: enough for one payload of any size, small enough to ask for many at once.
inline constexpr size_t page_bytes = payload_bytes;
inline constexpr uint32_t page_entries = 1000;

// --- The queue to the writer thread ---
// About half a second of writing; beyond it, waiting longer helps nobody: `overloaded`.
inline constexpr size_t queued_requests = 8192;
inline constexpr size_t queued_bytes = size_t{64} << 20;
// Answers that wait in memory for the commit they are part of.
inline constexpr size_t batch_answer_bytes = size_t{64} << 20;
// SQLite moves the log into the database after this many pages (16 MiB).
inline constexpr int checkpoint_pages = 4000;
// The page cache of the writing connection.
inline constexpr size_t writer_cache_bytes = size_t{64} << 20;
// A start reads the whole database to find damage early, where that takes about a second at most;
// a larger one is checked by reading its header, and the rest when it is used.
inline constexpr uint64_t full_check_bytes = uint64_t{512} << 20;
// Somebody who looks at the database with a tool of theirs may lock it for a moment.
inline constexpr std::chrono::milliseconds database_busy{2000};

}  // namespace qnpc::server::limits
