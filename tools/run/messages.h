// Messages of a chat from stdin: a line each; a backslash at the end of a line continues it.
#pragma once

#include <optional>
#include <string>

#include "runtime/base/result.h"

namespace bitnet {

// The next one; nothing at the end of input or after Ctrl-C. What is there when the input ends is
// a message, too, with or without the end of its line, or the continuation that it announces.
// prompts: "> " on stderr before each line. Error: stdin cannot be read.
Result<std::optional<std::string>> read_message(bool prompts);

}  // namespace bitnet
