#include "server/service.h"

#include "server/parameters.h"

namespace qnpc::server {

kj::Promise<void> exchange_envelope(ExchangeContext context) {
  rpc::Envelope::Reader request = context.getParams().getRequest();
  if (request.getMsgType() != rpc::MsgType::PING) {
    throw Error(Reason::unsupported, "the only envelope that is answered is a ping");
  }
  Bytes payload = at_most(request.getPayload(), limits::ping_bytes, "the ping's payload");
  rpc::Envelope::Builder reply = context.getResults().initReply();
  reply.setMsgType(rpc::MsgType::PONG);
  reply.setPayload(as_data(payload));
  return kj::READY_NOW;
}

kj::Promise<void> describe(DescribeContext context, const Foundation& foundation) {
  const AccessPolicy& policy = foundation.access.policy();
  auto server = context.getResults().initServer();
  server.setVersion(foundation.description.version);
  server.setDeliveryPort(foundation.description.delivery_port);
  server.setRequiresHybrid(foundation.description.requires_hybrid);
  server.setOpenCalls(policy.open_calls);
  switch (policy.registration) {
    case Registration::open: server.setRegistration(rpc::Registration::OPEN); break;
    case Registration::invitation: server.setRegistration(rpc::Registration::INVITATION); break;
    case Registration::closed: server.setRegistration(rpc::Registration::CLOSED); break;
  }
  return kj::READY_NOW;
}

}  // namespace qnpc::server
