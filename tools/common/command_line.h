// What every program of the project does with its command line first: the options that llama.cpp
// spells with one dash, CLI11's parse, and one line for what is not understood.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/base/result.h"

namespace bitnet {

// A long option of one dash, which CLI11 would read as a row of short ones, and its declared name.
using OneDash = std::pair<std::string_view, const char*>;

// True: --help or --version was asked for and has been answered on stdout. Error kind usage: not
// understood.
Result<bool> parse_command_line(CLI::App& app, int argc, char** argv,
                                std::span<const OneDash> one_dash);

}  // namespace bitnet
