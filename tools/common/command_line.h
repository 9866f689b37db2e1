// What every program of the project does with its command line first: its words are read
// (words.h), CLI11 converts the values, and whatever is not understood is one line.
#pragma once

#include <string>

#include "runtime/base/result.h"
#include "tools/common/options.h"

namespace bitnet {

struct Parsed {
  bool answered = false;  // --help or --version was asked for, and stdout has the answer
  std::string note;       // a line about options that were ignored; empty: none were
};
// Error kind usage: not understood.
Result<Parsed> parse_command_line(Options& options, int argc, char** argv);

}  // namespace bitnet
