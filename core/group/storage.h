// storage: the interface behind which a client keeps its groups and keys; see qnpc/base/storage.h.
#pragma once

#include "qnpc/base/storage.h"

namespace qnpc::group {

using qnpc::MemoryStorage;
using qnpc::Storage;

}  // namespace qnpc::group
