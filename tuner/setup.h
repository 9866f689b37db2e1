// What a tuning stands on before anything is measured: the model's shapes, the machine, the levels
// that may be used, the files that will be written and what is remembered.
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu/fingerprint.h"
#include "runtime/model/model_file.h"
#include "tuner/candidates.h"
#include "tuner/listener.h"
#include "tuner/memory.h"
#include "tuner/presets.h"
#include "tuner/tune.h"

namespace bitnet::tuner {

struct Setup {
  ModelFile model;
  std::vector<Problem> problems;
  Preset preset;  // with what the options change of it
  int threads = 1;
  Machine machine;
  IsaSet isa;
  std::vector<Isa> levels;  // that have templates, best first
  std::string cache_path;
  Memory memory;
};

// Errors are found here, before minutes are spent; notices are said.
Result<Setup> set_up(const TuneOptions& options, Listener& listener);

}  // namespace bitnet::tuner
