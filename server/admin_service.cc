#include "server/admin_service.h"

#include <capnp/rpc-twoparty.h>
#include <unistd.h>

#include "qnpc/crypto/system_random.h"
#include "schemas/admin.capnp.h"
#include "schemas/rpc_error.h"
#include "server/accept.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

class Admin final : public rpc::Admin::Server {
 public:
  Admin(Store& store, Access& access) : store_(store), access_(access) {}

 protected:
  kj::Promise<void> invite(InviteContext context) override {
    return rpc::answered([&] {
      auto params = context.getParams();
      Secret token = Secret(std::tuple_size_v<TokenHash>);
      random_.fill(token.reveal_mutable());
      const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      Invitation invitation{hash_of_token(as_data(token.reveal()), "the invitation"),
                            params.getUses(), 0, now + std::chrono::days(params.getDays())};
      return store_.create_invitation(invitation)
          .then([context, token = std::move(token)](Put) mutable {
            context.getResults().setInvitation(as_data(token.reveal()));
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
    return rpc::answered([&] {
      auto id = exactly<TokenHash>(context.getParams().getId(), "the invitation's id");
      return store_.revoke_invitation(id).then([](bool found) -> kj::Promise<void> {
        if (found) return kj::READY_NOW;
        return rpc::to_exception(Error(Reason::not_found, "there is no such invitation"));
      });
    });
  }
  kj::Promise<void> setAdmitted(SetAdmittedContext context) override {
    return rpc::answered([&] {
      auto params = context.getParams();
      return access_.set_standing(owner_key(params.getIdentityKey(), "the identity key"),
                                  params.getAdmitted() ? Standing::admitted : Standing::removed);
    });
  }
  kj::Promise<void> admitted(AdmittedContext context) override {
    return store_.admitted().then([context](std::vector<OwnerKey>&& all) mutable {
      auto list = context.getResults().initIdentityKeys(static_cast<capnp::uint>(all.size()));
      for (capnp::uint i = 0; i < list.size(); ++i) list.set(i, as_data(all[i]));
    });
  }

 private:
  Store& store_;
  Access& access_;
  crypto::SystemRandom random_;
};

}  // namespace

AdminService::AdminService(Store& store, Access& access, std::string socket_path)
    : store_(store),
      access_(access),
      socket_path_(std::move(socket_path)),
      thread_([this](auto& io, auto& ready, auto stop) { run(io, ready, kj::mv(stop)); }) {}

void AdminService::run(kj::AsyncIoContext& io, const std::function<void()>& ready,
                       kj::Promise<void> stop) {
  unlink(socket_path_.c_str());  // of a server that was killed: the directory is ours alone
  auto address = io.provider->getNetwork()
                     .parseAddress(kj::str("unix:", socket_path_.c_str()))
                     .wait(io.waitScope);
  kj::Own<kj::ConnectionReceiver> receiver = address->listen();  // its owner's, by our umask
  capnp::TwoPartyServer server(kj::heap<Admin>(store_, access_));
  // TwoPartyServer's own loop ends at the first error.
  auto accepting = accept_for_ever(*receiver, io.provider->getTimer(), [&server](auto stream) {
                     server.accept(kj::mv(stream));
                   }).eagerlyEvaluate(nullptr);
  ready();
  stop.wait(io.waitScope);
  unlink(socket_path_.c_str());
}

}  // namespace qnpc::server
