#include "tools/report/lineup.h"

#include <algorithm>

#include "runtime/base/statistics.h"

namespace bitnet::report {
namespace {

// The best kernel of a packing that the search has, or why there is none.
PackingTime find(const std::vector<tuner::PackingReport>& rows, const std::string& packing,
                 const Problem& problem, const tuner::TokenClass& of_class,
                 PackingKernels& kernels) {
  const tuner::PackingReport best = best_of(rows, packing, problem, of_class);
  PackingTime found{.packing = packing, .kernel = best.kernel};
  if (!best.kernel.empty()) return found;
  const auto fitting = kernels.fits_some(packing, problem, of_class);
  found.is_missing = fitting.has_value();
  found.reason = fitting ? best.reason : fitting.error().message;
  return found;
}

// A contender for each packing. Where one has no kernel, the built-in kernel takes the place, and
// its time is not looked at.
Result<void> add_packings(const Contender& builtin, const std::vector<tuner::PackingReport>& rows,
                          const std::vector<Problem>& problems, const tuner::TokenClass& of_class,
                          const IsaSet& isa, PackingKernels& kernels, Lineup& lineup) {
  for (const std::string& packing : packings_of(isa)) {
    Contender& contender = lineup.contenders.emplace_back(packing, builtin.kernels);
    auto& times = lineup.packings.emplace_back();
    for (size_t p = 0; p < problems.size(); ++p) {
      times.push_back(find(rows, packing, problems[p], of_class, kernels));
      if (times.back().kernel.empty()) continue;
      BITNET_TRY(contender.kernels[p], kernels.kernel(times.back().kernel, problems[p]));
    }
  }
  return {};
}

int64_t packed_bytes(const Contender& contender, const std::vector<Problem>& problems) {
  int64_t bytes = 0;
  for (size_t p = 0; p < problems.size(); ++p)
    bytes += problems[p].count * contender.kernels[p].sizes.packed_bytes;
  return bytes;
}

// Of the rounds' shares, each with the roof of the same round.
double roof_share(const Rounds& roof, const Rounds& tuned) { return gain(roof, tuned).gain; }

double nanoseconds(const Rounds& rounds) { return 1e9 * lower_quartile(rounds); }

// What rows of a problem and of all layers have in common. of: the rounds of a contender.
template <typename RoundsOf>
Row row_of(const Lineup& lineup, Isa level, int64_t tokens, const RoundsOf& of) {
  Row row{.isa = std::string(name(level)), .tokens = tokens};
  row.builtin = nanoseconds(of(lineup.builtin));
  row.tuned = nanoseconds(of(lineup.tuned));
  row.over_builtin = gain(of(lineup.builtin), of(lineup.tuned));
  if (!lineup.baseline) return row;
  row.baseline = nanoseconds(of(*lineup.baseline));
  row.over_baseline = gain(of(*lineup.baseline), of(lineup.tuned));
  return row;
}

Row problem_row(const Lineup& lineup, const Comparison& timed, const Problem& problem, size_t p,
                Isa level, int64_t tokens) {
  Row row =
      row_of(lineup, level, tokens, [&](size_t c) -> const Rounds& { return timed.seconds[c][p]; });
  row.problem = problem;
  const ClassKernel& tuned = lineup.contenders[lineup.tuned].kernels[p];
  row.tuned_kernel = to_string(tuned.name);
  row.packed_bytes = tuned.sizes.packed_bytes;
  row.roof_share = roof_share(timed.roof[p], timed.seconds[lineup.tuned][p]);
  for (size_t i = 0; i < lineup.packings.size(); ++i) {
    PackingTime& time = row.packings.emplace_back(lineup.packings[i][p]);
    if (!time.kernel.empty()) time.nanoseconds = nanoseconds(timed.seconds[i][p]);
  }
  return row;
}

Row all_layers_row(const Lineup& lineup, const Comparison& timed,
                   const std::vector<Problem>& problems, Isa level, int64_t tokens) {
  const auto all = [&](size_t c) { return all_layers(problems, timed.seconds[c]); };
  Row row = row_of(lineup, level, tokens, all);
  row.all_layers = true;
  row.packed_bytes = packed_bytes(lineup.contenders[lineup.tuned], problems);
  row.roof_share = roof_share(all_layers(problems, timed.roof), all(lineup.tuned));
  for (size_t i = 0; i < lineup.packings.size(); ++i) {
    const bool whole =
        std::ranges::none_of(lineup.packings[i], &std::string::empty, &PackingTime::kernel);
    row.packings.push_back({.packing = lineup.packings[i].front().packing,
                            .nanoseconds = whole ? nanoseconds(all(i)) : 0});
  }
  return row;
}

}  // namespace

Result<Lineup> line_up(const Sources& sources, const std::vector<Problem>& problems,
                       const tuner::TokenClass& of_class, const IsaSet& isa,
                       PackingKernels& kernels) {
  Lineup lineup;
  BITNET_TRY(Contender builtin,
             contender("built-in", sources.builtin, sources.builtin, problems, of_class.timed));
  BITNET_TRY(Contender tuned,
             contender("tuned", sources.tuned, sources.builtin, problems, of_class.timed));
  if (sources.packings != nullptr)
    BITNET_CHECK(
        add_packings(builtin, *sources.packings, problems, of_class, isa, kernels, lineup));
  if (sources.baseline) {
    lineup.baseline = lineup.contenders.size();
    lineup.contenders.push_back(*sources.baseline);
  }
  lineup.builtin = lineup.contenders.size();
  lineup.tuned = lineup.builtin + 1;
  lineup.contenders.push_back(std::move(builtin));
  lineup.contenders.push_back(std::move(tuned));
  return lineup;
}

std::vector<Row> rows_of(const Lineup& lineup, const Comparison& timed,
                         const std::vector<Problem>& problems, const std::vector<Rounds>& scalar,
                         Isa level, int64_t tokens) {
  std::vector<Row> rows;
  for (size_t p = 0; p < problems.size(); ++p) {
    rows.push_back(problem_row(lineup, timed, problems[p], p, level, tokens));
    rows.back().scalar = nanoseconds(scalar[p]);
  }
  rows.push_back(all_layers_row(lineup, timed, problems, level, tokens));
  rows.back().scalar = nanoseconds(all_layers(problems, scalar));
  return rows;
}

}  // namespace bitnet::report
