#include "tools/run/inputs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/base/printable.h"
#include "tools/common/interrupt.h"

namespace bitnet {
namespace {

// Why, as errno says; Ctrl-C ends waiting for a pipe with an error, too.
std::unexpected<Error> cannot_read(const std::string& name) {
  const int why = errno;
  if (interrupted()) return fail(Error::Kind::interrupted, "interrupted while reading {}", name);
  return fail(Error::Kind::io, "{}: {}", name, std::strerror(why));
}

Result<std::string> read_stream(std::FILE* file, const std::string& name) {
  std::string text;
  char buffer[65536];
  errno = 0;
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  if (interrupted() || std::ferror(file) != 0) return cannot_read(name);
  return text;
}

Result<std::string> read_text(const std::string& path) {
  if (path == "-") return read_stream(stdin, "stdin");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (!file) return cannot_read(printable(path));
  return read_stream(file.get(), printable(path));
}

// Without the end of its last line, which an editor put there: "\n" or "\r\n".
Result<std::string> read_prompt(const std::string& path) {
  BITNET_TRY(std::string text, read_text(path));
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

Result<void> read_inputs(Arguments& a) {
  const std::string perplexity = a.perplexity ? a.perplexity_file : "";
  const std::string prompt = a.perplexity ? "" : a.prompt_file;
  const auto from_stdin = std::ranges::count(
      std::initializer_list<std::string>{a.system_file, perplexity, prompt}, "-");
  if (from_stdin > 1) return fail(Error::Kind::usage, "-: stdin can be one file, not two");
  if (!a.system_file.empty()) {
    BITNET_TRY(a.system, read_prompt(a.system_file));
  }
  if (!perplexity.empty()) {
    BITNET_TRY(a.perplexity_text, read_text(perplexity));
  }
  if (!prompt.empty()) {
    BITNET_TRY(a.prompt, read_prompt(prompt));
  }
  return {};
}

}  // namespace bitnet
