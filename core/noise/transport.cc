#include "qnpc/noise/transport.h"

#include "qnpc/base/error.h"

namespace qnpc::noise {

void Transport::seal_into(MutableView out, View plaintext) {
  if (plaintext.size() > max_plaintext) {
    throw Error(Reason::too_large, "the plaintext does not fit one Noise message");
  }
  send_.encrypt_with_ad(out, {}, plaintext);
}

MutableView Transport::open(MutableView message) {
  if (message.size() < tag_size) {
    throw Error(Reason::decrypt_failed, "a Noise message that is shorter than its tag");
  }
  MutableView plaintext = message.first(message.size() - tag_size);
  receive_.decrypt_with_ad(plaintext, {}, message);
  return plaintext;
}

}  // namespace qnpc::noise
