// llama-bench's table, JSON and CSV, so that scripts which read those read these: the same columns
// and keys in the same order, ours after them (gb_per_s, roof_share, ...).
#pragma once

#include <string>
#include <vector>

#include "runtime/cpu/fingerprint.h"
#include "tools/bench/measure.h"

namespace bitnet::bench {

struct ModelFacts {
  std::string path{}, type{};
  uint64_t bytes = 0, parameters = 0;
  int batch = 2048, ubatch = 512;
  CacheTypes kv{};
  Machine machine{};
};

std::string markdown_header();
std::string markdown_row(const ModelFacts& model, const Measurement& m);
std::string to_json(const ModelFacts& model, const std::vector<Measurement>& all);
std::string csv_header();
std::string csv_row(const ModelFacts& model, const Measurement& m);

}  // namespace bitnet::bench
