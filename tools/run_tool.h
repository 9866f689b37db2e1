// What the mains of the tools end with.
#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/mapped_file.h"

namespace bitnet {

// Parses (arguments last first, as CLI11 wants them) and runs: the exit code. An error is a line on
// stderr.
inline int run_tool(CLI::App& app, std::vector<std::string> arguments,
                    const std::function<Result<void>()>& run) {
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  install_truncation_guard();
  const auto done = run();
  if (!done) fmt::print(stderr, "error: {}\n", done.error().message);
  return done ? 0 : 1;
}

}  // namespace bitnet
