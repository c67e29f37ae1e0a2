// qnpc-kem-peer: our half of key encapsulations with other implementations. A line of words on
// stdin, the answer on stdout; bytes are hexadecimal, "-" where there are none.
//
//   mlkem-key                                       PUBLIC_KEY   whose private half it keeps
//   mlkem-encapsulate PUBLIC_KEY                    CIPHERTEXT SECRET
//   mlkem-decapsulate CIPHERTEXT                    SECRET
//   xwing-derive IKM                                PRIVATE_KEY PUBLIC_KEY
//   xwing-seal PUBLIC_KEY INFO AAD PLAINTEXT        KEM_OUTPUT CIPHERTEXT
//   xwing-open PRIVATE_KEY KEM_OUTPUT INFO AAD CIPHERTEXT    PLAINTEXT
//
// What is refused is answered with "refused" and the reason.
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "qnpc/base/error.h"
#include "qnpc/crypto/hpke.h"
#include "qnpc/crypto/mlkem768.h"
#include "qnpc/crypto/system_random.h"

namespace {

using namespace qnpc;

constexpr crypto::HpkeSuite suite{crypto::Kem::xwing, crypto::Hash::sha256,
                                  crypto::Aead::chacha20_poly1305};

std::string word(View bytes) { return bytes.empty() ? "-" : to_hex(bytes); }
std::string words(View first, View second) { return word(first) + " " + word(second); }

class Peer {
 public:
  std::string answer(const std::string& line) {
    std::istringstream in(line);
    const std::vector<std::string> request{std::istream_iterator<std::string>(in), {}};
    const std::string& command = request.at(0);
    std::vector<Bytes> given;
    for (size_t i = 1; i < request.size(); ++i) {
      given.push_back(request[i] == "-" ? Bytes() : from_hex(request[i]).value());
    }
    if (command == "mlkem-key") {
      key_ = crypto::generate_mlkem768_key(random_);
      return word(key_.public_key);
    }
    if (command == "mlkem-encapsulate") {
      auto [secret, ciphertext] = crypto::mlkem768_encapsulate(given.at(0), random_);
      return words(ciphertext, secret.reveal());
    }
    if (command == "mlkem-decapsulate") {
      return word(crypto::mlkem768_decapsulate(key_.private_key, given.at(0)).reveal());
    }
    if (command == "xwing-derive") {
      crypto::HpkeKeyPair key = crypto::derive_hpke_key(suite.kem, given.at(0));
      return words(key.private_key.reveal(), key.public_key);
    }
    if (command == "xwing-seal") {
      auto sealed =
          crypto::hpke_seal(suite, given.at(0), given.at(1), given.at(2), given.at(3), random_);
      return words(sealed.kem_output, sealed.ciphertext);
    }
    if (command == "xwing-open") {
      crypto::HpkeKeyPair key = crypto::hpke_key_from_private(suite.kem, given.at(0));
      return word(crypto::hpke_open(suite, key, given.at(1), given.at(2), given.at(3), given.at(4))
                      .reveal());
    }
    throw Error(Reason::usage, "no such command: " + command);
  }

 private:
  crypto::SystemRandom random_;
  crypto::MlKem768KeyPair key_;
};

}  // namespace

int main() {
  Peer peer;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      std::cout << peer.answer(line) << std::endl;
    } catch (const Error& error) {
      std::cout << "refused " << name(error.reason()) << std::endl;
    } catch (const std::exception& error) {
      std::cerr << "qnpc-kem-peer: " << error.what() << '\n';
      return 1;
    }
  }
}
