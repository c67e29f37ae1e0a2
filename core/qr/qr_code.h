// qr_code: a short text as a QR code (ISO/IEC 18004) that a terminal can show. The only code that
// includes libqrencode.
#pragma once

#include <string>
#include <string_view>

namespace qnpc::qr {

/// Whether the lines say black on white themselves, which a terminal understands; plain ones count
/// on light characters on a dark background.
enum class Colours { plain, terminal };

/// Lines of half blocks, each two rows of the code, with the quiet zone around it; each ends with a
/// line feed. Throws Reason::too_large for a text that no code holds.
std::string qr_code(std::string_view text, Colours colours);

}  // namespace qnpc::qr
