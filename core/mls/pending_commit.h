// pending_commit: how a commit that waits for its acceptance is stored. docs/group-storage.md.
#pragma once

#include "qnpc/mls/group.h"

namespace qnpc::mls {

/// The next epoch's tree as the nodes in which it differs from this epoch's; its secret tree is
/// saved by itself.
void write_pending(codec::SecretWriter& w, const NewCommit& commit);
/// `current` is the epoch that it ends. Throws Reason::corrupt, or what the decoders throw.
NewCommit load_pending(const Storage& storage, const Epoch& current);

}  // namespace qnpc::mls
