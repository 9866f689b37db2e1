// What the mains of bitnet-tune and the tools share: from the command line to the exit code. 0; 1:
// an error; 2: a command line that is not understood; 130: interrupted.
#pragma once

#include <functional>

#include "runtime/base/mapped_file.h"
#include "tools/common/command_line.h"

namespace bitnet {

// Parses and runs. An error is one line on stderr.
inline int run_tool(CLI::App& app, int argc, char** argv, const std::function<Result<void>()>& run,
                    std::span<const OneDash> one_dash = {}) {
  if (const auto code = parse_command_line(app, argc, argv, one_dash)) return *code;
  install_truncation_guard();
  const auto done = run();
  if (done) return 0;
  fmt::print(stderr, "error: {}\n", done.error().message);
  return done.error().kind == Error::Kind::interrupted ? 130 : 1;
}

}  // namespace bitnet
