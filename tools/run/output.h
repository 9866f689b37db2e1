// Text on stdout as it is made, errors noticed at once: a full disk, a reader that went away.
#pragma once

#include <string_view>

#include "runtime/base/result.h"

namespace bitnet {

class Output {
 public:
  // Written through at once. Kind interrupted: the reader closed its pipe, which is no news to the
  // user.
  Result<void> write(std::string_view text);
  // Ends the last line, if it is not ended.
  Result<void> end_line();

 private:
  bool line_open_ = false;
};

}  // namespace bitnet
