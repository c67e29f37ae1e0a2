// pattern: handshake patterns as tables of tokens, Noise specification 7. One loop runs them
// (handshake.cc); a further pattern is a further table. e1 and ekem1 are those of the extension for
// hybrid forward secrecy (noise-hfs, revision 1), with ML-KEM-768 as the KEM.
#pragma once

#include <span>
#include <string_view>

namespace qnpc::noise {

enum class Token { e, e1, s, ee, ekem1, es, se };

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
//   -> e, e1
//   <- e, ee, ekem1, s, es
//   -> s, se
inline constexpr Token xxhfs_1[] = {Token::e, Token::e1};
inline constexpr Token xxhfs_2[] = {Token::e, Token::ee, Token::ekem1, Token::s, Token::es};
inline constexpr MessagePattern xxhfs_messages[] = {xxhfs_1, xxhfs_2, xx_3};
}  // namespace tables

/// Both sides learn and authenticate each other's static key; neither needs to know it before.
inline constexpr Pattern xx = {"Noise_XX_25519_ChaChaPoly_SHA256", tables::xx_messages};
/// The same, and recorded traffic is safe as long as either X25519 or ML-KEM-768 is.
inline constexpr Pattern xxhfs = {"Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256",
                                  tables::xxhfs_messages};

}  // namespace qnpc::noise
