#include "tools/common/console.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "runtime/base/write_all.h"

#include "runtime/base/printable.h"

namespace bitnet {
namespace {

int write_text(int descriptor, std::string_view text) {
  return write_all(descriptor, std::as_bytes(std::span(text)));
}

}  // namespace

void claim_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The wrong way round, so that using it is an error as before. The lowest free number is this
    // one.
    ::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
  ::signal(SIGPIPE, SIG_IGN);
}

void write_message(std::string_view text) { write_text(STDERR_FILENO, text); }

void print_error(const Error& error) {
  message("error: {}\n", printable(error.message, std::string::npos));
}

Result<void> Output::write(std::string_view text) {
  if (text.empty()) return {};
  line_open_ = text.back() != '\n';
  const int failed = write_text(STDOUT_FILENO, text);
  if (failed == 0) return {};
  if (failed == EPIPE) return fail(Error::Kind::reader_left, "stdout: closed by its reader");
  return fail(Error::Kind::io, "stdout: {}", std::strerror(failed));
}

Result<void> Output::end_line() { return line_open_ ? write("\n") : Result<void>{}; }

}  // namespace bitnet
