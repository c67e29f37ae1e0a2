// The decoders behind an AEAD: GroupInfo, GroupSecrets, and the content of a PrivateMessage.

#include "fuzz/mls_group.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HonestGroup honest;
  static const std::vector<Bytes> bases = fuzz::secret_bases(honest);
  const Bytes bytes = fuzz::edited_one_of(bases, {data, size});
  fuzz::round_trip<mls::GroupInfo>(bytes);
  fuzz::round_trip<mls::GroupSecrets>(bytes);
  fuzz::round_trip<mls::AuthenticatedContent>(bytes);
  return 0;
}
