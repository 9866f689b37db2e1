#include "tools/run/messages.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tools/common/console.h"
#include "tools/common/interrupt.h"

namespace bitnet {
namespace {

using Line = std::optional<std::string>;

// Without its end, "\n" or "\r\n"; nothing: there is none.
Result<Line> read_line() {
  char* text = nullptr;
  size_t capacity = 0;
  errno = 0;
  const ssize_t size = ::getline(&text, &capacity, stdin);
  const int why = errno;
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  if (size < 0 && std::ferror(stdin) != 0 && !interrupted())
    return fail(Error::Kind::io, "stdin: {}", std::strerror(why));
  if (size < 0) return Line{};
  std::string line(text, static_cast<size_t>(size));
  if (line.ends_with('\n')) line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return Line(std::move(line));
}

}  // namespace

Result<std::optional<std::string>> read_message(bool prompts) {
  std::string message;
  for (bool begun = false;; begun = true) {
    if (prompts) write_message("> ");
    BITNET_TRY(Line line, read_line());
    if (!line) return begun && !interrupted() ? Line(message) : Line{};
    if (begun) message += '\n';
    const bool goes_on = line->ends_with('\\');
    if (goes_on) line->pop_back();
    message += *line;
    if (!goes_on) return Line(message);
  }
}

}  // namespace bitnet
