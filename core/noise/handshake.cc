#include "qnpc/noise/handshake.h"

#include <algorithm>

#include "qnpc/base/error.h"

namespace qnpc::noise {
namespace {

View take(View& rest, size_t n) {
  if (rest.size() < n) throw Error(Reason::malformed, "the message is too short");
  View out = rest.first(n);
  rest = rest.subspan(n);
  return out;
}

PublicKey public_key(View bytes) {
  PublicKey out;
  std::ranges::copy(bytes, out.begin());
  return out;
}

}  // namespace

Handshake::Handshake(const Pattern& pattern, Role role, const StaticKey& s, Random& random,
                     View prologue)
    : pattern_(pattern),
      role_(role),
      random_(&random),
      symmetric_(pattern.protocol_name),
      s_{s.private_key.clone(), s.public_key} {
  symmetric_.mix_hash(prologue);
}

bool Handshake::my_turn() const {
  const bool initiators = done_ % 2 == 0;
  return !complete() && initiators == (role_ == Role::initiator);
}

Bytes Handshake::write_message(View payload) {
  MessagePattern tokens = begin_step(/*writing=*/true);
  Bytes out;
  for (Token token : tokens) {
    switch (token) {
      case Token::e:
        e_ = crypto::generate_x25519_key(*random_);
        append(out, e_.public_key);
        symmetric_.mix_hash(e_.public_key);
        break;
      case Token::e1:
        e1_ = crypto::generate_mlkem768_key(*random_);
        symmetric_.encrypt_and_hash(out, e1_.public_key);
        break;
      case Token::s: symmetric_.encrypt_and_hash(out, s_.public_key); break;
      case Token::ekem1: write_ekem1(out); break;
      case Token::ee:
      case Token::es:
      case Token::se: mix_dh(token); break;
    }
  }
  symmetric_.encrypt_and_hash(out, payload);
  if (out.size() > limits::noise_message) {
    throw Error(Reason::too_large, "the payload does not fit the Noise handshake message");
  }
  end_step();
  return out;
}

Bytes Handshake::read_message(View message) {
  MessagePattern tokens = begin_step(/*writing=*/false);
  try {
    View rest = message;
    read_tokens(tokens, rest);
    Bytes payload = symmetric_.decrypt_and_hash(rest);
    end_step();
    return payload;
  } catch (const Error& error) {
    throw Error(Reason::handshake_failed, std::string("Noise handshake: ") + error.what());
  }
}

void Handshake::read_tokens(MessagePattern tokens, View& rest) {
  for (Token token : tokens) {
    switch (token) {
      case Token::e:
        re_ = public_key(take(rest, crypto::x25519_key_size));
        symmetric_.mix_hash(*re_);
        break;
      case Token::e1: re1_ = take_sealed(rest, crypto::mlkem768_public_key_size); break;
      case Token::s: rs_ = public_key(take_sealed(rest, crypto::x25519_key_size)); break;
      case Token::ekem1: read_ekem1(rest); break;
      case Token::ee:
      case Token::es:
      case Token::se: mix_dh(token); break;
    }
  }
}

// What the peer's EncryptAndHash made of so many bytes.
Bytes Handshake::take_sealed(View& rest, size_t size) {
  return symmetric_.decrypt_and_hash(take(rest, size + symmetric_.overhead()));
}

void Handshake::write_ekem1(Bytes& out) {
  auto [secret, ciphertext] = crypto::mlkem768_encapsulate(re1_, *random_);
  symmetric_.encrypt_and_hash(out, ciphertext);
  symmetric_.mix_key(secret.reveal());
}

void Handshake::read_ekem1(View& rest) {
  const Bytes ciphertext = take_sealed(rest, crypto::mlkem768_ciphertext_size);
  symmetric_.mix_key(crypto::mlkem768_decapsulate(e1_.private_key, ciphertext).reveal());
}

// The first letter of a token is the initiator's key, the second the responder's.
void Handshake::mix_dh(Token token) {
  const bool initiator = role_ == Role::initiator;
  const bool with_our_s = token == (initiator ? Token::se : Token::es);
  const bool with_their_s = token == (initiator ? Token::es : Token::se);
  const StaticKey& ours = with_our_s ? s_ : e_;
  const std::optional<PublicKey>& theirs = with_their_s ? rs_ : re_;
  symmetric_.mix_key(crypto::x25519(ours.private_key, theirs.value()).reveal());
}

const PublicKey& Handshake::remote_static() const {
  if (!rs_) throw Error(Reason::internal, "the peer's static key has not come yet");
  return *rs_;
}

Transport Handshake::finish() && {
  if (dead_ || !complete()) throw Error(Reason::internal, "the Noise handshake is not complete");
  dead_ = true;
  auto [to_responder, to_initiator] = symmetric_.split();
  if (role_ == Role::responder) std::swap(to_responder, to_initiator);
  return Transport(std::move(to_responder), std::move(to_initiator), symmetric_.handshake_hash(),
                   remote_static());
}

// Dead until end_step(): an exception on the way leaves it so.
MessagePattern Handshake::begin_step(bool writing) {
  if (dead_) throw Error(Reason::internal, "this Noise handshake has failed or was finished");
  if (complete() || my_turn() != writing) {
    throw Error(Reason::internal, "a step of the Noise handshake out of turn");
  }
  dead_ = true;
  return pattern_.messages[done_];
}

void Handshake::end_step() {
  ++done_;
  dead_ = false;
}

}  // namespace qnpc::noise
