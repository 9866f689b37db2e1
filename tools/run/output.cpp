#include "tools/run/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bitnet {

Result<void> Output::write(std::string_view text) {
  if (!text.empty()) line_open_ = text.back() != '\n';
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE)
      return fail(Error::Kind::interrupted, "stdout: closed by its reader");
    if (written < 0) return fail(Error::Kind::io, "stdout: {}", std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> Output::end_line() { return line_open_ ? write("\n") : Result<void>{}; }

}  // namespace bitnet
