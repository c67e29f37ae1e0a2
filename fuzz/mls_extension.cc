// What stands inside of extensions: decoded where it is used, long after the message was.

#include "fuzz/mls_group.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<Bytes> bases = fuzz::extension_bases();
  const Bytes bytes = fuzz::edited_one_of(bases, {data, size});
  fuzz::round_trip<mls::RequiredCapabilities>(bytes);
  fuzz::round_trip<mls::ExternalSenders>(bytes);
  fuzz::round_trip<mls::Capabilities>(bytes);
  fuzz::round_trip<mls::LeafNode>(bytes);
  if (auto extensions = fuzz::round_trip<mls::Extensions>(bytes)) {
    try {
      mls::require_unique(*extensions);
    } catch (const Error&) {
    }
  }
  return 0;
}
