#include "server/admin_service.h"

#include <capnp/rpc-twoparty.h>
#include <unistd.h>

#include "qnpc/crypto/system_random.h"
#include "schemas/admin.capnp.h"
#include "schemas/rpc_error.h"
#include "server/limits.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

class Admin final : public rpc::Admin::Server {
 public:
  explicit Admin(Store& store) : store_(store) {}

 protected:
  kj::Promise<void> invite(InviteContext context) override {
    return answered([&] {
      auto params = context.getParams();
      Bytes token = random_.bytes(std::tuple_size_v<TokenHash>);
      const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      Invitation invitation{hash_of_token(as_data(token), "the invitation"), params.getUses(), 0,
                            now + std::chrono::days(params.getDays())};
      return store_.create_invitation(invitation)
          .then([context, token = std::move(token)](Put) mutable {
            context.getResults().setInvitation(as_data(token));
          });
    });
  }
  kj::Promise<void> invitations(InvitationsContext context) override {
    return store_.invitations().then([context](std::vector<Invitation>&& all) mutable {
      auto list = context.getResults().initInvitations(static_cast<capnp::uint>(all.size()));
      for (capnp::uint i = 0; i < list.size(); ++i) {
        list[i].setId(as_data(all[i].token));
        list[i].setUses(static_cast<uint32_t>(all[i].uses));
        list[i].setUsed(static_cast<uint32_t>(all[i].used));
        list[i].setExpires(all[i].expires.time_since_epoch().count());
      }
    });
  }
  kj::Promise<void> revoke(RevokeContext context) override {
    return answered([&] {
      auto id = exactly<TokenHash>(context.getParams().getId(), "the invitation's id");
      return store_.revoke_invitation(id).then([](bool found) -> kj::Promise<void> {
        if (found) return kj::READY_NOW;
        return rpc::to_exception(Error(Reason::not_found, "there is no such invitation"));
      });
    });
  }
  kj::Promise<void> setAdmitted(SetAdmittedContext context) override {
    return answered([&] {
      auto params = context.getParams();
      return store_.set_admitted(owner_key(params.getIdentityKey(), "the identity key"),
                                 params.getAdmitted());
    });
  }
  kj::Promise<void> admitted(AdmittedContext context) override {
    return store_.admitted().then([context](std::vector<OwnerKey>&& all) mutable {
      auto list = context.getResults().initIdentityKeys(static_cast<capnp::uint>(all.size()));
      for (capnp::uint i = 0; i < list.size(); ++i) list.set(i, as_data(all[i]));
    });
  }

 private:
  template <class Call>
  static kj::Promise<void> answered(Call&& call) {
    try {
      return call();
    } catch (const Error& error) {
      return rpc::to_exception(error);
    }
  }

  Store& store_;
  crypto::SystemRandom random_;
};

}  // namespace

AdminService::AdminService(Store& store, const std::string& socket_path) {
  std::promise<void> ready;
  std::future<void> is_ready = ready.get_future();
  thread_ =
      std::thread([&, ready = std::move(ready)]() mutable { run(store, socket_path, ready); });
  try {
    is_ready.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

AdminService::~AdminService() {
  stop_->fulfill();
  thread_.join();
}

void AdminService::run(Store& store, const std::string& socket_path,
                       std::promise<void>& ready) try {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
  unlink(socket_path.c_str());  // of a server that was killed: the directory is ours alone
  auto address = io.provider->getNetwork()
                     .parseAddress(kj::str("unix:", socket_path.c_str()))
                     .wait(io.waitScope);
  kj::Own<kj::ConnectionReceiver> receiver = address->listen();  // its owner's, by our umask
  capnp::TwoPartyServer server(kj::heap<Admin>(store));
  auto listening = server.listen(*receiver).eagerlyEvaluate([](kj::Exception&&) {});
  stop_ = kj::mv(stop.fulfiller);
  ready.set_value();
  stop.promise.wait(io.waitScope);
  unlink(socket_path.c_str());
} catch (...) {
  if (stop_.get()) throw;  // after the start: a bug, and it must not be silent
  ready.set_exception(std::current_exception());
}

}  // namespace qnpc::server
