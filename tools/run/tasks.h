// What bitnet-run can be asked to do. Each task gets a loaded model, writes text to stdout and
// returns an exit code, or an error, which main prints.
#pragma once

#include <string>

#include "runtime/session.h"
#include "tools/common/console.h"
#include "tools/run/arguments.h"
#include "tools/run/receipt.h"
#include "tools/run/timings.h"

namespace bitnet {

struct Task {
  const Arguments& arguments;
  Model& model;
  Receipt* receipt;  // null: none is wanted
  Timings& timings;

  // A line for the user, unless --log-disable.
  template <typename... Args>
  void log(fmt::format_string<Args...> format, Args&&... args) const {
    if (!arguments.quiet) message(format, std::forward<Args>(args)...);
  }
};

constexpr int kInterruptedExit = 130;

Result<int> generate(const Task& task);            // -p, -f
Result<int> chat(const Task& task);                // -cnv
Result<int> perplexity(const Task& task);          // --perplexity
Result<int> tokenize(const Arguments& arguments);  // --tokenize: needs no weights

// -p, or the contents of -f without one newline at their end.
Result<std::string> prompt_text(const Arguments& arguments);
Result<std::string> read_text(const std::string& path);
// The sequence to generate in: -c, -ctk, -ctv.
Result<Sequence> make_sequence(const Task& task);

}  // namespace bitnet
