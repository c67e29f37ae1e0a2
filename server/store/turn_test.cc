#include "server/store/turn.h"

#include <gtest/gtest.h>

#include <thread>

#include "qnpc/base/limits.h"
#include "server/kj_time.h"

namespace qnpc::server {
namespace {

class TurnTest : public testing::Test {
 protected:
  ~TurnTest() noexcept override = default;

  struct TestWrite final : public Write {
    TestWrite(size_t size, std::shared_ptr<Outstanding> turn)
        : Write(size, std::nullopt), turn_(std::move(turn)) {}
    size_t apply(Tables&) override { return 0; }
    void committed() override { turn_->finish_one(); }
    void failed(const Error&) override { turn_->finish_one(); }
    std::shared_ptr<Outstanding> turn_;
  };

  static constexpr size_t most_writes = 100;
  static constexpr size_t most_bytes = 2 * limits::turn_bytes;

  std::shared_ptr<Turn> add(size_t bytes = 1) {
    std::shared_ptr<Turn> turn = Turn::current(queue);
    turn->add(std::make_unique<TestWrite>(bytes, turn->outstanding()));
    return turn;
  }
  // Runs the loop until it has nothing left to do.
  void end_turn() { kj::Promise<void>(kj::NEVER_DONE).poll(scope); }
  // For so many steps there is always something left to do.
  static kj::Promise<void> busy(int steps) {
    if (steps == 0) return kj::READY_NOW;
    return kj::evalLater([steps] { return busy(steps - 1); });
  }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::shared_ptr<WriteQueue> queue = std::make_shared<WriteQueue>(most_writes, most_bytes);
};

TEST_F(TurnTest, ItsWritesGoToTheWriterTogether) {
  std::shared_ptr<Turn> turn = add();
  EXPECT_EQ(add(), turn);
  EXPECT_EQ(queue->size(), 0u);
  end_turn();
  EXPECT_EQ(queue->size(), 2u);
}

TEST_F(TurnTest, AnswersWhenTheLastOfItsWritesIsAnswered) {
  std::shared_ptr<Turn> turn = add();
  add();
  auto answered = turn->when_all_answered();
  end_turn();
  queue->try_next()->committed();
  EXPECT_FALSE(answered.poll(scope));
  std::thread writer([&] { queue->try_next()->committed(); });
  answered.wait(scope);
  writer.join();
}

TEST_F(TurnTest, WhatIsAskedLaterHasATurnOfItsOwn) {
  std::shared_ptr<Turn> turn = add();
  end_turn();
  std::shared_ptr<Turn> next = add();
  EXPECT_NE(next, turn);
  end_turn();
  std::unique_ptr<Write> slow = queue->try_next();
  queue->try_next()->committed();
  next->when_all_answered().wait(scope);
  EXPECT_FALSE(turn->when_all_answered().poll(scope));
  slow->committed();
  turn->when_all_answered().wait(scope);
}

TEST_F(TurnTest, EachQueueHasItsOwn) {
  std::shared_ptr<Turn> turn = add();
  auto other = std::make_shared<WriteQueue>(most_writes, most_bytes);
  EXPECT_NE(Turn::current(other), turn);
}

TEST_F(TurnTest, ALongOneDoesNotKeepTheDiskWaiting) {
  std::shared_ptr<Turn> many = Turn::current(queue);
  for (size_t i = 0; i < limits::turn_writes; ++i) add();
  EXPECT_EQ(queue->size(), limits::turn_writes);
  std::shared_ptr<Turn> large = add(limits::turn_bytes);
  EXPECT_NE(large, many);
  EXPECT_EQ(queue->size(), limits::turn_writes + 1);
}

TEST_F(TurnTest, ItEndsInALoopThatIsNeverAtRest) {
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  const TurnTimer of_loop(timer);
  std::shared_ptr<Turn> turn = add();
  busy(100).wait(scope);
  EXPECT_EQ(queue->size(), 0u);
  timer.advanceTo(timer.now() + to_kj(qnpc::limits::longest_turn));
  busy(100).wait(scope);
  EXPECT_EQ(queue->size(), 1u);
}

TEST_F(TurnTest, WhatHasNoRoomIsAnsweredAndLeavesNobodyWaiting) {
  std::shared_ptr<Turn> turn = add(most_bytes + 1);
  turn->when_all_answered().wait(scope);
  EXPECT_EQ(queue->size(), 0u);
}

}  // namespace
}  // namespace qnpc::server
