#include "schemas/rpc_error.h"

#include <gtest/gtest.h>

namespace qnpc::rpc {
namespace {

TEST(RpcError, ReasonAndTextSurviveTheWire) {
  for (Reason reason : {Reason::quota, Reason::malformed, Reason::unauthorized, Reason::unknown}) {
    Error back = from_exception(to_exception(Error(reason, "the words: all of them")));
    EXPECT_EQ(back.reason(), reason);
    EXPECT_STREQ(back.what(), "the words: all of them");
  }
}

TEST(RpcError, RemotePrefixIsRemoved) {
  kj::Exception e(kj::Exception::Type::FAILED, "f", 1, kj::str("remote exception: quota: full"));
  EXPECT_EQ(from_exception(e).reason(), Reason::quota);
  EXPECT_STREQ(from_exception(e).what(), "full");
}

TEST(RpcError, ALostConnectionMayHaveApplied) {
  kj::Exception e(kj::Exception::Type::DISCONNECTED, "f", 1, kj::str("peer disconnected"));
  EXPECT_EQ(from_exception(e).reason(), Reason::unknown);
}

TEST(RpcError, WhyTheConnectionEndedSaysNothingOfACall) {
  kj::Exception ended(kj::Exception::Type::DISCONNECTED, "(remote)", 0,
                      kj::heapString("remote exception: overloaded: too many long messages"));
  EXPECT_EQ(from_exception(ended).reason(), Reason::unknown);
}

}  // namespace
}  // namespace qnpc::rpc
