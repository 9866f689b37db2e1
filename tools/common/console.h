// The standard streams of a program, whatever they are connected to: a terminal, a full disk, a
// pipe without a reader, nothing at all. Results go to stdout, and one that cannot be written is an
// error; everything else goes to stderr, and a message that cannot be written is no reason to die.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "runtime/base/result.h"

namespace bitnet {

// For main, before anything is opened: a closed standard stream would else lend its number to the
// next file, and what is meant for it would end up there. Writing to one fails from then on as it
// did before. SIGPIPE becomes an error of write.
void claim_standard_streams();

// Written to stderr at once; lost without a trace where stderr takes nothing.
void write_message(std::string_view text);
template <typename... Args>
void message(fmt::format_string<Args...> format, Args&&... args) {
  write_message(fmt::format(format, std::forward<Args>(args)...));
}
// "error: ...", a line, whatever names of files and words of a command line stand in it.
void print_error(const Error& error);

// Text on stdout as it is made, errors noticed at once.
class Output {
 public:
  // Error kind reader_left: the reader closed its pipe (| head), which is no news to the user.
  Result<void> write(std::string_view text);
  // Ends the last line, if it is not ended.
  Result<void> end_line();

 private:
  bool line_open_ = false;
};

}  // namespace bitnet
