// pattern: handshake patterns as tables of tokens, Noise specification 7. One loop runs them
// (handshake.cc); a further pattern is a further table.
#pragma once

#include <span>
#include <string_view>

namespace qnpc::noise {

enum class Token { e, s, ee, es, se };

using MessagePattern = std::span<const Token>;

struct Pattern {
  std::string_view protocol_name;
  std::span<const MessagePattern> messages;  // the first is the initiator's, then in turns
};

namespace tables {
//   -> e
//   <- e, ee, s, es
//   -> s, se
inline constexpr Token xx_1[] = {Token::e};
inline constexpr Token xx_2[] = {Token::e, Token::ee, Token::s, Token::es};
inline constexpr Token xx_3[] = {Token::s, Token::se};
inline constexpr MessagePattern xx_messages[] = {xx_1, xx_2, xx_3};
}  // namespace tables

/// Both sides learn and authenticate each other's static key; neither needs to know it before.
inline constexpr Pattern xx = {"Noise_XX_25519_ChaChaPoly_SHA256", tables::xx_messages};

}  // namespace qnpc::noise
