// llama-bench's formats, so that scripts which read those read these: the same columns and keys in
// the same order, ours after them (gb_per_s, roof_share, ...; vs_ratio, ... where two are
// compared). A row is printed when it is measured.
#pragma once

#include <span>
#include <string>
#include <string_view>
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

// Keys of settings that the Markdown table shows besides, because they are not the usual ones:
// n_batch, n_ubatch, type_k, type_v.
using Columns = std::vector<std::string>;

struct Format {
  std::string_view name;  // of -o
  // versus: the rows have Measurement::versus
  std::string (*header)(const Columns& more, bool versus);
  // first: the first row of the output
  std::string (*row)(const ModelFacts& model, const Measurement& m, const Columns& more,
                     bool first);
  std::string_view footer;
};
std::span<const Format> formats();                  // md, csv, json, jsonl, sql
const Format& format_named(std::string_view name);  // one of these

}  // namespace bitnet::bench
