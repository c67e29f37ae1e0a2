// A chain of certificates from a stranger, judged against a fixed anchor: one certificate is
// edited, and on request signed again, as a hostile CA below the anchor would.

#include "fuzz/edits.h"
#include "fuzz/x509_hierarchy.h"
#include "qnpc/base/limits.h"

using namespace qnpc;

namespace {

// What is no ChainRefused ends the program.
template <class Judge>
bool accepted(Judge&& judge) {
  try {
    judge();
  } catch (const crypto::ChainRefused&) {
    return false;
  }
  return true;
}

}  // namespace

// The first byte: which certificate, 0x40 to sign it again, 0x80 for the script in its place.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzz::Hierarchy honest;
  if (size == 0) return 0;
  const View script = View{data, size}.subspan(1);
  const size_t which = data[0] % 4 % honest.chain.size();
  std::vector<Bytes> chain = honest.chain;
  Bytes& certificate = chain[which];
  certificate = (data[0] & 0x80) != 0 ? to_bytes(script) : fuzz::edited(certificate, script);
  const bool sign_again = (data[0] & 0x40) != 0;
  if (sign_again) {
    const crypto::TestCa& issuer = which == 0 ? honest.middle : honest.root;
    Bytes signed_again = issuer.sign_again(certificate);
    if (!signed_again.empty()) certificate = std::move(signed_again);
  }

  crypto::CertificateNames names;
  if (accepted([&] {
        names =
            crypto::validate_chain(chain, fuzz::Hierarchy::scheme, honest.key.public_key,
                                   {honest.anchors, fuzz::Hierarchy::now, limits::certificates});
      })) {
    // Nothing vouches for the last one, which is there beside the anchor.
    fuzz::must(sign_again || which == 2 || chain == honest.chain);
    fuzz::must(names.subject == crypto::certificate_names(chain[0]).subject);
  } else {
    fuzz::must(chain != honest.chain);
  }
  accepted([&] { crypto::certificate_names(certificate); });
  accepted([&] { crypto::TrustAnchors({certificate}); });
  return 0;
}
