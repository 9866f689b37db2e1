// Names what is often taken for a model and is none: a pointer of Git LFS, a web page, other
// formats.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace bitnet {

// By how a file begins that is no GGUF file: "a web page (...)". Nothing: unknown.
std::optional<std::string_view> foreign_file(std::span<const std::byte> bytes);

}  // namespace bitnet
