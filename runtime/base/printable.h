// Text from files, made safe for a one-line message: valid UTF-8 stays; control characters, marks
// that turn writing round or cannot be seen (U+202E, U+2028, zero widths), and broken bytes become
// \xNN; what is longer than `limit` bytes ends in "...", never inside a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bitnet {

std::string printable(std::string_view text, size_t limit = 96);

}  // namespace bitnet
