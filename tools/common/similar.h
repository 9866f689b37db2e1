// "Did you mean": the known name that is nearest to one that somebody typed.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bitnet {

// Dashes in front do not count, then up to a third of the letters may differ (one letter put in,
// left out or replaced is one difference). Empty: none is near.
std::string most_similar(std::string_view name, std::span<const std::string> known);

}  // namespace bitnet
