#include "server/admin_command.h"

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "qnpc/base/bytes.h"
#include "schemas/admin.capnp.h"
#include "schemas/rpc_error.h"

namespace qnpc::server {
namespace {

using Json = nlohmann::json;

std::string hex(capnp::Data::Reader data) { return to_hex(View(data.begin(), data.size())); }

std::string utc(int64_t seconds) {
  std::time_t time = seconds;
  std::tm fields{};
  gmtime_r(&time, &fields);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &fields);
  return text;
}

void print(bool json, const Json& object, const std::string& text) {
  std::puts(json ? object.dump().c_str() : text.c_str());
}

std::optional<Bytes> whole_key(const std::string& text) {
  std::optional<Bytes> key = from_hex(text);
  return key && key->size() == 32 ? key : std::nullopt;
}

/// One connection to the server.
class AdminClient {
 public:
  explicit AdminClient(const std::string& socket_path) {
    try {
      auto address = io_.provider->getNetwork()
                         .parseAddress(kj::str("unix:", socket_path.c_str()))
                         .wait(io_.waitScope);
      stream_ = address->connect().wait(io_.waitScope);
    } catch (const kj::Exception&) {
      throw Error(Reason::unavailable, "no server answers on " + socket_path +
                                           ". Start it, or name its folder with --data-dir");
    }
    client_ = kj::heap<capnp::TwoPartyClient>(*stream_);
  }

  rpc::Admin::Client admin() { return client_->bootstrap().castAs<rpc::Admin>(); }
  template <class Request>
  auto send(Request request) {
    try {
      return request.send().wait(io_.waitScope);
    } catch (const kj::Exception& exception) {
      throw rpc::from_exception(exception);
    }
  }

 private:
  kj::AsyncIoContext io_ = kj::setupAsyncIo();
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<capnp::TwoPartyClient> client_;
};

void invite(AdminClient& client, const AdminCommand& command) {
  auto request = client.admin().inviteRequest();
  request.setUses(command.uses);
  request.setDays(command.days);
  std::string invitation = hex(client.send(kj::mv(request)).getInvitation());
  print(command.json, {{"invitation", invitation}, {"uses", command.uses}, {"days", command.days}},
        invitation);
}

void list_invitations(AdminClient& client, const AdminCommand& command) {
  auto response = client.send(client.admin().invitationsRequest());
  for (auto invitation : response.getInvitations()) {
    std::string id = hex(invitation.getId());
    print(command.json,
          {{"id", id},
           {"uses", invitation.getUses()},
           {"used", invitation.getUsed()},
           {"expires", invitation.getExpires()}},
          id.substr(0, 16) + "  used " + std::to_string(invitation.getUsed()) + " of " +
              std::to_string(invitation.getUses()) + ", until " + utc(invitation.getExpires()));
  }
}

void revoke(AdminClient& client, const AdminCommand& command) {
  std::optional<Bytes> found;
  auto response = client.send(client.admin().invitationsRequest());
  for (auto invitation : response.getInvitations()) {
    if (!hex(invitation.getId()).starts_with(command.argument)) continue;
    if (found) throw Error(Reason::usage, "several invitations begin so: write more of the id");
    found = Bytes(invitation.getId().begin(), invitation.getId().end());
  }
  if (!found) {
    throw Error(Reason::not_found,
                "no invitation has an id that begins so: `admin invitations` lists them");
  }
  auto request = client.admin().revokeRequest();
  request.setId({found->data(), found->size()});
  client.send(kj::mv(request));
  print(command.json, {{"revoked", to_hex(*found)}}, "revoked " + to_hex(*found).substr(0, 16));
}

Bytes key_to_add(const std::string& text) {
  if (auto key = whole_key(text)) return *key;
  throw Error(Reason::usage, "an identity key is 64 hexadecimal digits");
}

/// A whole key, of whomever, or the beginning of a member's.
Bytes key_to_remove(AdminClient& client, const std::string& text) {
  if (auto key = whole_key(text)) return *key;
  std::optional<Bytes> found;
  auto response = client.send(client.admin().admittedRequest());
  for (auto key : response.getIdentityKeys()) {
    if (!hex(key).starts_with(text)) continue;
    if (found) throw Error(Reason::usage, "several members' keys begin so: write more of it");
    found = Bytes(key.begin(), key.end());
  }
  if (found) return *found;
  throw Error(Reason::not_found, "no member's key begins so: `admin members` lists them");
}

void set_admitted(AdminClient& client, const Bytes& key, const AdminCommand& command) {
  const bool admitted = command.action == AdminCommand::Action::add;
  auto request = client.admin().setAdmittedRequest();
  request.setIdentityKey({key.data(), key.size()});
  request.setAdmitted(admitted);
  client.send(kj::mv(request));
  print(command.json, {{"identity_key", to_hex(key)}, {"admitted", admitted}},
        (admitted ? "added " : "removed ") + to_hex(key));
}

void list_members(AdminClient& client, const AdminCommand& command) {
  auto response = client.send(client.admin().admittedRequest());
  for (auto key : response.getIdentityKeys()) {
    print(command.json, {{"identity_key", hex(key)}}, hex(key));
  }
}

}  // namespace

void run_admin_command(const AdminCommand& command, const std::string& socket_path) {
  AdminClient client(socket_path);
  switch (command.action) {
    case AdminCommand::Action::none: break;
    case AdminCommand::Action::invite: invite(client, command); break;
    case AdminCommand::Action::invitations: list_invitations(client, command); break;
    case AdminCommand::Action::revoke: revoke(client, command); break;
    case AdminCommand::Action::add:
      set_admitted(client, key_to_add(command.argument), command);
      break;
    case AdminCommand::Action::remove:
      set_admitted(client, key_to_remove(client, command.argument), command);
      break;
    case AdminCommand::Action::members: list_members(client, command); break;
  }
}

}  // namespace qnpc::server
