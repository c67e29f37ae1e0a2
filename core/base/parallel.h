// parallel: independent pieces of work on all cores, with a result that does not depend on how many
// there are. What a piece needs of randomness is drawn before, in order.
#pragma once

#include <cstddef>
#include <functional>

namespace qnpc {

/// Calls body(0) to body(count - 1) and returns when all are done. Throws what the first of them in
/// order throws; all before it have run then, and of those after it some may have. `body` is called
/// from several threads where `count` is worth them: pieces are expected to take tens of
/// microseconds each.
void parallel_for(size_t count, const std::function<void(size_t)>& body);

}  // namespace qnpc
