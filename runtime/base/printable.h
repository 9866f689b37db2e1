// Text from files, made safe for a one-line message: valid UTF-8 stays, control characters and
// broken bytes become
// \xNN, and what is longer than `limit` bytes ends in "...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bitnet {

std::string printable(std::string_view text, size_t limit = 96);

}  // namespace bitnet
