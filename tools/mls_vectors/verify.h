// verify: one verifier for each kind of official test vector. Each takes one element of a file's
// array and throws where it does not come out: Mismatch, or the library's own Error.
#pragma once

#include "tools/mls_vectors/vector.h"

namespace qnpc::vectors {

// verify_basics.cc
void verify_tree_math(const Json& vector);
void verify_deserialization(const Json& vector);
void verify_crypto_basics(const Json& vector);

// verify_key_schedule.cc
void verify_secret_tree(const Json& vector);
void verify_key_schedule(const Json& vector);
void verify_psk_secret(const Json& vector);
void verify_transcript_hashes(const Json& vector);

// verify_messages.cc
void verify_message_protection(const Json& vector);
void verify_messages(const Json& vector);
void verify_welcome(const Json& vector);

// verify_trees.cc
void verify_tree_operations(const Json& vector);
void verify_tree_validation(const Json& vector);
void verify_treekem(const Json& vector);

// passive_client.cc
void verify_passive_client(const Json& vector);

}  // namespace qnpc::vectors
