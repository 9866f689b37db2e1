// A model in several files, as llama.cpp's gguf-split writes them: <prefix>-00001-of-00003.gguf and
// its fellows. The first holds all metadata; each says which one it is (split.no, from 0) and how
// many there are (split.count).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"

namespace bitnet {

struct Split {
  uint64_t no = 0, count = 1;
};
Result<Split> read_split(const Gguf& file);

// "dir/model-00002-of-00003.gguf", 1, 3 -> "dir/model"; nothing where the name is another part's or
// of another form.
std::optional<std::string> split_prefix(std::string_view path, const Split& split);
std::string split_path(std::string_view prefix, const Split& split);

}  // namespace bitnet
