#include "server/store/turn.h"

#include <gtest/gtest.h>

#include <thread>

namespace qnpc::server {
namespace {

class TurnTest : public testing::Test {
 protected:
  ~TurnTest() noexcept override = default;

  // Runs the loop until it has nothing left to do.
  void end_turn() { kj::Promise<void>(kj::NEVER_DONE).poll(scope); }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
};

TEST_F(TurnTest, AnswersWhenTheLastWriteOfATurnIsAnswered) {
  std::shared_ptr<Turn> turn = Turn::current();
  auto first = turn->one_more();
  auto second = turn->one_more();
  EXPECT_EQ(Turn::current(), turn);
  auto answered = turn->when_all_answered();
  std::thread writer([&] {
    first->finish_one();
    second->finish_one();
  });
  answered.wait(scope);
  writer.join();
}

// All writes may be answered before the loop has asked for its last one.
TEST_F(TurnTest, WaitsForItsEndAlthoughAllSoFarIsAnswered) {
  std::shared_ptr<Turn> turn = Turn::current();
  turn->one_more()->finish_one();
  auto last = turn->one_more();
  auto answered = turn->when_all_answered();
  end_turn();
  EXPECT_FALSE(answered.poll(scope));
  last->finish_one();
  answered.wait(scope);
}

TEST_F(TurnTest, WhatIsAskedLaterHasATurnOfItsOwn) {
  std::shared_ptr<Turn> turn = Turn::current();
  auto slow = turn->one_more();
  end_turn();
  std::shared_ptr<Turn> next = Turn::current();
  EXPECT_NE(next, turn);
  next->one_more()->finish_one();
  next->when_all_answered().wait(scope);
  EXPECT_FALSE(turn->when_all_answered().poll(scope));
  slow->finish_one();
  turn->when_all_answered().wait(scope);
}

TEST_F(TurnTest, AFailedSubmissionLeavesNobodyWaiting) {
  std::shared_ptr<Turn> turn = Turn::current();
  turn->one_more()->finish_one();
  turn->when_all_answered().wait(scope);
}

}  // namespace
}  // namespace qnpc::server
