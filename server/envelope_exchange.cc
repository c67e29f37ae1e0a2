#include "server/envelope_exchange.h"

#include "server/limits.h"
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

}  // namespace qnpc::server
