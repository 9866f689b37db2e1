// One tuning from a model's file to a kernel cache: shapes -> problems -> candidates -> objects ->
// checks -> timings -> plan -> cache file.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "runtime/base/result.h"
#include "runtime/cpu/isa.h"
#include "runtime/model/file_options.h"
#include "tuner/listener.h"
#include "tuner/report.h"

namespace bitnet::tuner {

enum class WisdomMode : uint8_t {
  use,      // answer from memory what is known there, search the rest
  require,  // never search: an error where nothing is known
  ignore,   // search again
};

struct TuneOptions {
  std::string model{};
  ModelFileOptions file{};  // how to read the model
  std::string output{};     // empty: default_cache_path
  bool force = false;       // replace what lies at `output`, whatever it is
  int threads = 0;          // 0: default_thread_count
  std::string preset = "normal";
  std::optional<double> budget_seconds{};  // of searching; default: the preset's
  std::optional<Isa> isa{};                // limits to the level and its parents
  // Candidates of a problem and token class; default: the preset's.
  std::optional<size_t> max_trials{};
  WisdomMode wisdom = WisdomMode::use;
  std::string memory_folder{};  // of trials.log and wisdom; empty: beside the default cache
};

// stop: asked often; true ends the search and keeps the best so far.
Result<Report> tune(const TuneOptions& options, Listener& progress,
                    const std::function<bool()>& stop);

}  // namespace bitnet::tuner
