// What the mains of bitnet-tune and the tools share: from the command line to the exit code. 0; 1:
// an error; 2: a command line that is not understood; 130: interrupted.
#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/mapped_file.h"

namespace bitnet {

// Parses and runs. An error is one line on stderr.
// spellings: options that llama.cpp's programs spell with one dash and several letters, "-ctk",
// which CLI11 would split; they are declared with two dashes.
inline int run_tool(CLI::App& app, int argc, char** argv, const std::function<Result<void>()>& run,
                    const std::vector<std::string_view>& spellings = {}) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (std::string& word : words) {
    if (std::ranges::find(spellings, word) != spellings.end()) word.insert(0, "-");
  }
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    const std::string_view text = error.what();
    fmt::print(stderr, "error: {}\n", text.substr(0, text.find('\n')));
    return 2;
  }
  install_truncation_guard();
  const auto done = run();
  if (done) return 0;
  fmt::print(stderr, "error: {}\n", done.error().message);
  return done.error().kind == Error::Kind::interrupted ? 130 : 1;
}

}  // namespace bitnet
