#include "qnpc/mls/proposal.h"

namespace qnpc::mls {

PreSharedKeyId PreSharedKeyId::read(codec::Reader& r) {
  PreSharedKeyId out;
  out.psktype = codec::read<PskType>(r);
  switch (out.psktype) {
    case PskType::external: out.psk_id = codec::read<Bytes>(r); break;
    case PskType::resumption:
      out.usage = codec::read<ResumptionPskUsage>(r);
      out.psk_group_id = codec::read<Bytes>(r);
      out.psk_epoch = codec::read<uint64_t>(r);
      break;
    default: throw Error(Reason::malformed, "a PSK's type is none that exists");
  }
  out.psk_nonce = codec::read<Bytes>(r);
  return out;
}

ProposalType Proposal::type() const {
  return std::visit([](const auto& proposal) { return proposal.type; }, content);
}

Proposal Proposal::read(codec::Reader& r) {
  ProposalType type = codec::read<ProposalType>(r);
  switch (type) {
    case ProposalType::add: return {codec::read<Add>(r)};
    case ProposalType::update: return {codec::read<Update>(r)};
    case ProposalType::remove: return {codec::read<Remove>(r)};
    case ProposalType::psk: return {codec::read<PreSharedKey>(r)};
    case ProposalType::reinit: return {codec::read<ReInit>(r)};
    case ProposalType::external_init: return {codec::read<ExternalInit>(r)};
    case ProposalType::group_context_extensions: return {codec::read<GroupContextExtensions>(r)};
  }
  require(is_private_use(type), Reject::unknown_proposal_type);
  return {Custom{type, codec::read<Bytes>(r)}};
}

ProposalOrRef ProposalOrRef::read(codec::Reader& r) {
  switch (r.u8()) {
    case 1: return {codec::read<Proposal>(r)};
    case 2: return {codec::read<ProposalRef>(r)};
    default: throw Error(Reason::malformed, "a ProposalOrRef's type is none that exists");
  }
}

}  // namespace qnpc::mls
