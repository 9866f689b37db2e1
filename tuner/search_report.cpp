#include "tuner/search_report.h"

namespace bitnet::tuner {

std::vector<PackingReport> packings_of(const SearchResult& result, const Plan& plan) {
  std::vector<PackingReport> all;
  for (const PackingRow& row : result.table) {
    const Retimed& chosen = plan.entries[row.token_class][row.problem].timed;
    all.push_back({.problem = plan.problems[row.problem],
                   .tokens = label(plan.classes[row.token_class]),
                   .packing = row.packing,
                   .kernel = row.kernel,
                   .nanoseconds = 1e9 * row.seconds,
                   .over_chosen = row.kernel.empty() || chosen.ratio.ratio <= 0
                                      ? 0
                                      : row.ratio.ratio / chosen.ratio.ratio,
                   .error = row.ratio.error,
                   .candidates = row.tried,
                   .reason = row.reason});
  }
  return all;
}

std::vector<LeftOut> left_out_of(const std::vector<std::map<std::string, int>>& left_out,
                                 const std::vector<TokenClass>& classes) {
  std::vector<LeftOut> all;
  for (size_t c = 0; c < left_out.size(); ++c)
    for (const auto& [reason, pairs] : left_out[c])
      all.push_back({.tokens = label(classes[c]), .reason = reason, .pairs = pairs});
  return all;
}

}  // namespace bitnet::tuner
