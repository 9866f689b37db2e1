// The command line of bitnet-bench: llama-bench's options and lists.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/bench/measure.h"
#include "tools/common/options.h"

namespace bitnet::bench {

struct Arguments {
  std::vector<std::string> models, prompts{"512"}, generates{"128"}, depths{"0"}, both, threads,
      batches{"2048"}, ubatches{"512"}, kv_k{"f16"}, kv_v{"f16"};
  std::string cache, isa, kernels = "auto", output = "md", error_output = "none";
  std::string versus;  // --vs: "builtin" or the path of a cache; empty: no comparison
  int repetitions = 5;
  bool no_warm_up = false, progress = false, verbose = false;
  ModelFileOptions file{};
};

void declare(Options& options, Arguments& a);

// One way to load a model and one kind of cache; every test is made with each.
struct Setup {
  std::string model;
  ModelOptions options;
  std::optional<ModelOptions> versus{};  // --vs: the same with other kernels
  int batch = 2048, ubatch = 512;        // as asked for; options.batch is the smaller one
  CacheTypes kv;
};

struct Plan {
  std::vector<Setup> setups;
  std::vector<Test> tests;
  std::vector<std::string> unusual{};  // keys of settings that are not the usual ones: "n_ubatch"
};

// What to measure: all lists combined, in llama-bench's order. Error kind usage.
Result<Plan> plan_of(const Arguments& a);

}  // namespace bitnet::bench
