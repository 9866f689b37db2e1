// Asked before minutes are spent on what may not or cannot be written: whether an output would
// destroy something. A tool must not eat the model that it was given, nor a file that merely has
// the wrong name.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace bitnet {

struct OutputKind {
  std::string name;  // "a kernel cache"
  // Whether a file is of this kind, by its first kKindBytes bytes.
  std::function<bool(std::string_view head)> recognises;
};
constexpr size_t kKindBytes = 65536;

struct OutputPolicy {
  std::vector<std::string> inputs;  // files that are read meanwhile
  bool force = false;               // replace whatever is there
};

// An error where the file there is an input (by any name), or holds something else than `kind`, or
// where nothing can be written. Empty files and what is no regular file may be written to.
Result<void> check_output(const std::string& path, const OutputKind& kind,
                          const OutputPolicy& policy);
// Two outputs of one program must be two files.
Result<void> check_distinct(const std::string& a, const std::string& b);

}  // namespace bitnet
