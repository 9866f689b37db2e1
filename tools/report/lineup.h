// Who is timed at one level and token class, and the rows that come out of it.
#pragma once

#include <optional>
#include <vector>

#include "tools/report/compare.h"
#include "tools/report/packings.h"
#include "tools/report/row.h"
#include "tuner/report.h"
#include "tuner/token_classes.h"

namespace bitnet::report {

// Packings first, then baseline, built-in and tuned: the last three are compared by their ratios.
struct Lineup {
  std::vector<Contender> contenders{};
  std::vector<std::vector<PackingTime>> packings{};  // [packing][problem]; times are still to come
  std::optional<size_t> baseline{};                  // of contenders
  size_t builtin = 0, tuned = 0;
};

struct Sources {
  const KernelSource& builtin;
  const KernelSource& tuned;
  const std::optional<Contender>& baseline;
  // What the search that made `tuned` says of packings; null: no packing is timed.
  const std::vector<tuner::PackingReport>* packings = nullptr;
};

Result<Lineup> line_up(const Sources& sources, const std::vector<Problem>& problems,
                       const tuner::TokenClass& of_class, const IsaSet& isa,
                       PackingKernels& kernels);

// A row for each problem and one for all layers. scalar: seconds of a call of each problem.
std::vector<Row> rows_of(const Lineup& lineup, const Comparison& timed,
                         const std::vector<Problem>& problems, const std::vector<Rounds>& scalar,
                         Isa level, int64_t tokens);

}  // namespace bitnet::report
