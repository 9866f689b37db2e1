// What every main does: from the command line to the exit code.
//   0 done   1 error   2 command line not understood   130 ended by Ctrl-C
// An error is one line on stderr. No exception leaves here, whatever threw it.
// Linked into a program, it says the same line for what is thrown before main: memory may end
// there, too.
#pragma once

#include <functional>

#include "tools/common/command_line.h"
#include "tools/common/console.h"

namespace bitnet {

// Parses, runs, says what went wrong. `run` gives the exit code, or an error: kind usage ends with
// 2, interrupted with 130, reader_left with 1 and no word.
int run_program(Options& options, int argc, char** argv, const std::function<Result<int>()>& run);

}  // namespace bitnet
