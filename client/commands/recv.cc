// recv: what has come and was not shown before. An entry counts as shown once it was written out.
#include <set>

#include "client/commands/commands.h"
#include "client/history_text.h"
#include "client/limits.h"

namespace qnpc::client::commands {
namespace {

class Receiver {
 public:
  Receiver(Context& context, Session& session) : context_(context), session_(session) {}

  void load_groups() {
    groups_.clear();
    for (Group& group : session_.state().groups.list()) groups_[group.ref] = std::move(group);
    wanted_.reset();
    if (!context_.options.group.empty()) {
      wanted_ = session_.find_group(context_.options.group).ref;
    }
  }

  /// Prints what is due; returns how many entries that were.
  size_t print() {
    load_groups();
    const ContactBook book = contact_book(session_);
    std::vector<int64_t> shown;
    session_.state().history.each(!context_.options.all, wanted_, [&](const HistoryEntry& entry) {
      auto group = groups_.find(entry.group);
      bool invited_only = group != groups_.end() && !group->second.accepted;
      if (invited_only) return;
      const Group* known = group == groups_.end() ? nullptr : &group->second;
      context_.output.line(history_line(entry, known, book, context_.output),
                           history_object(entry, known, book));
      shown.push_back(entry.id);
    });
    context_.output.flush();
    if (!shown.empty()) mark(shown);
    return shown.size();
  }

  /// Each invitation once.
  void mention_what_waits() {
    for (const auto& [ref, group] : groups_) {
      if (!group.accepted && mentioned_.insert(ref).second) {
        context_.output.note("you are invited to " + group.alias + ": run `join` to accept");
      }
    }
  }

 private:
  void mark(const std::vector<int64_t>& ids) {
    Transaction transaction(session_.state().database());
    for (int64_t id : ids) session_.state().history.mark_shown(id);
    transaction.commit();
  }

  Context& context_;
  Session& session_;
  std::map<GroupRef, Group> groups_;
  std::optional<GroupRef> wanted_;
  std::set<GroupRef> mentioned_;
};

// A command of the same person may take long, with a slow server: with --follow it is waited for.
bool reacquire(const Context& context, Session& session) {
  try {
    session.state().reacquire();
    return true;
  } catch (const Error& e) {
    if (!context.options.follow || e.reason() != Reason::unavailable) throw;
    return false;
  }
}

// A server that is lost, or full, is waited for, where the person said --follow. That is said once.
class Patience {
 public:
  Patience(Context& context, Session& session) : context_(context), session_(session) {}

  bool is_lost() const { return is_lost_; }

  template <class Step>
  void unless_lost(Step&& step) {
    try {
      step();
      is_lost_ = false;
    } catch (const ServerError& e) {
      if (!context_.options.follow || !may_pass(e)) throw;
      if (!is_lost_) context_.output.note(std::string(e.what()) + "; trying again");
      is_lost_ = true;
      session_.disconnect();
    }
  }

 private:
  Context& context_;
  Session& session_;
  bool is_lost_ = false;
};

// Looks whenever something was pushed, letting go of the state in between.
void poll(Context& context, Session& session, Receiver& receiver, Patience& patience) {
  using std::chrono::milliseconds;
  const auto deadline = std::chrono::steady_clock::now() + context.options.wait;
  if (!patience.is_lost()) patience.unless_lost([&] { session.subscribe(); });
  for (;;) {
    milliseconds left = limits::look_again;
    if (!context.options.follow) {
      left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left <= milliseconds(0)) return;
    }
    session.state().release();
    session.wait_for_news(left);
    if (!reacquire(context, session)) continue;
    session.messenger().forget_loaded();
    patience.unless_lost([&] {
      session.synchronise();
      session.subscribe();
    });
    const size_t printed = receiver.print();
    receiver.mention_what_waits();
    if (!patience.is_lost()) session.refill_key_packages(Session::StateLock::released);
    if (printed > 0 && !context.options.follow) return;
  }
}

}  // namespace

void receive(Context& context) {
  Session session(context, Session::StateUse::required);
  Receiver receiver(context, session);
  receiver.load_groups();  // a wrong --group-id is found before anything else
  Patience patience(context, session);
  patience.unless_lost([&] { session.synchronise(); });
  const size_t printed = receiver.print();
  receiver.mention_what_waits();
  if (!patience.is_lost()) {
    session.refill_key_packages(context.options.follow ? Session::StateLock::released
                                                       : Session::StateLock::kept);
  }
  if (context.options.follow || printed == 0) poll(context, session, receiver, patience);
}

}  // namespace qnpc::client::commands
