// What every program of the project does with its command line first: the options that llama.cpp
// spells with one dash, CLI11's parse, and one line for what is not understood.
#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitnet {

// A long option of one dash, which CLI11 would read as a row of short ones, and its declared name.
using OneDash = std::pair<std::string_view, const char*>;

// Nothing: go on. Else the exit code: 0, --help or --version was answered; 2, not understood, which
// one line on stderr says.
inline std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv,
                                             std::span<const OneDash> one_dash) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (std::string& word : words) {
    const auto known = std::ranges::find(one_dash, word, &OneDash::first);
    if (known != one_dash.end()) word = known->second;
  }
  std::ranges::reverse(words);  // CLI11 takes them from the back
  try {
    app.parse(std::move(words));
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    const std::string_view text = error.what();
    fmt::print(stderr, "error: {}\n", text.substr(0, text.find('\n')));
    return 2;
  }
  return std::nullopt;
}

}  // namespace bitnet
