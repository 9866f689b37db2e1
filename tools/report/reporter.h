// The report's rows: for each level the kernels of every source timed side by side.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cpu/isa.h"
#include "runtime/model/file_options.h"
#include "runtime/threads/pool.h"
#include "tools/report/row.h"

namespace bitnet::report {

struct ReportOptions {
  std::string model{}, cache{};  // cache: time its kernels; empty: tune at every level
  ModelFileOptions file{};
  double budget_seconds = 60;          // of the search at each level, at most
  std::optional<Isa> isa{};            // this level only
  std::optional<size_t> max_trials{};  // as the tuner's
  std::function<bool()> stop;          // interrupted by the user
  std::function<void(const std::string& line)> say;
};

Result<std::vector<Row>> make_rows(const ReportOptions& options,
                                   const std::vector<Problem>& problems, const IsaSet& proved,
                                   ThreadPool pool);

}  // namespace bitnet::report
