// How to read a model file: options that every program with a model has, and the lines that reading
// it gives.
#pragma once

#include <string>
#include <vector>

#include "runtime/model/file_options.h"
#include "tools/common/options.h"

namespace bitnet {

// --activation, --i2s-layout
void add_model_file_options(Options& options, ModelFileOptions& file);

// "note: ..." on stderr, a line each.
void print_notices(const std::vector<std::string>& notices);

}  // namespace bitnet
