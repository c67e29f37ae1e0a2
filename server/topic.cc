#include "server/topic.h"

namespace qnpc::server {

kj::Promise<Topic::News> Topic::read_after(uint64_t after) {
  watch();  // before the read: what it does not see rings
  if (end_ == after) return News{nullptr, rings_};
  const Reading reading{rings_, after};
  const bool is_new = !readings_.contains(reading);
  auto paf = kj::newPromiseAndFulfiller<News>();
  readings_[reading].push_back(kj::mv(paf.fulfiller));
  if (is_new) {
    reads_.add(read_from_store(after).then(
        [this, reading](Page&& page) { answer(reading, std::move(page)); },
        [this, reading](kj::Exception&& exception) {
          for (auto& waiter : take_waiting(reading)) waiter->reject(kj::cp(exception));
        }));
  }
  return kj::mv(paf.promise);
}

kj::Promise<void> Topic::when_rung(uint64_t rings) {
  if (rings != rings_) return kj::READY_NOW;
  return bell_.addBranch();
}

void Topic::watch() {
  if (watching_) return;
  watching_ = true;
  bell_ = store_.watch(queue_)
              .then([this] {
                watching_ = false;
                end_ = std::nullopt;
                ++rings_;
              })
              .fork();
}

kj::Promise<Page> Topic::read_from_store(uint64_t after) {
  if (queue_.kind == QueueName::Kind::inbox) return store_.read(queue_.key, after, 0);
  return store_.read_log(queue_.key, std::nullopt, after, 0);
}

void Topic::answer(const Reading& reading, Page page) {
  const auto [rings, after] = reading;
  if (rings == rings_ && !page.more) {
    end_ =
        page.entries.empty() ? std::max(after, page.expired_through) : page.entries.back().sequence;
  }
  const bool is_news = !page.entries.empty() || page.expired_through > after;
  auto shared = is_news ? std::make_shared<const Page>(std::move(page)) : nullptr;
  for (auto& waiter : take_waiting(reading)) waiter->fulfill(News{shared, rings});
}

Topic::Waiting Topic::take_waiting(const Reading& reading) {
  return std::move(readings_.extract(reading).mapped());
}

}  // namespace qnpc::server
