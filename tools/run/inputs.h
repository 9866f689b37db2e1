// The texts that a task works on, read before a model is loaded: loading takes long, and a file
// that is not there should not wait for it.
#pragma once

#include "tools/run/arguments.h"

namespace bitnet {

// Fills prompt, system and perplexity_text from the files that were named; "-" is stdin, which one
// of them can be. Error kind interrupted after Ctrl-C.
Result<void> read_inputs(Arguments& arguments);

}  // namespace bitnet
