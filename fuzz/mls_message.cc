// The outermost decoder: MLSMessage in all five wire formats.

#include "fuzz/mls_group.h"

using namespace qnpc;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::HonestGroup honest;
  static const std::vector<Bytes> bases = fuzz::message_bases(honest);
  fuzz::round_trip<mls::MlsMessage>(fuzz::edited_one_of(bases, {data, size}));
  return 0;
}
