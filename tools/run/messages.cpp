#include "tools/run/messages.h"

#include <iostream>

#include "tools/common/console.h"
#include "tools/common/interrupt.h"

namespace bitnet {

std::optional<std::string> read_message(bool prompts) {
  std::string message;
  for (bool begun = false;; begun = true) {
    if (prompts) write_message("> ");
    std::string line;
    if (!std::getline(std::cin, line)) {
      if (!begun || interrupted()) return std::nullopt;
      return message;
    }
    if (line.ends_with('\r')) line.pop_back();
    if (begun) message += '\n';
    if (!line.ends_with('\\')) return message + line;
    line.pop_back();
    message += line;
  }
}

}  // namespace bitnet
