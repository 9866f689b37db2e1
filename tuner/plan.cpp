#include "tuner/plan.h"

#include <algorithm>

#include "tuner/packing_search.h"

namespace bitnet::tuner {
namespace {

ReportRow row_of(const Problem& problem, const TokenClass& c, const PlanEntry& entry) {
  return {.problem = problem,
          .m_min = c.m_min,
          .tokens = c.timed,
          .kernel = entry.kernel_name(),
          .builtin = entry.builtin,
          .nanoseconds = 1e9 * entry.timed.seconds,
          .builtin_nanoseconds = 1e9 * entry.timed.builtin_seconds,
          .error = entry.timed.ratio.error,
          .packed_bytes = entry.packed_bytes(),
          .roof_share = entry.timed.roof_share,
          .candidates = entry.tried,
          .pruned = entry.pruned,
          .from_log = entry.from_log};
}

Record record_of(RecordKey key, const PlanEntry& entry, const std::string& preset) {
  Record record{.kind = RecordKind::choice, .key = std::move(key)};
  record.key.kernel = entry.kernel_name();
  record.key.kernel_hash = entry.kernel->candidate.hash;
  const Retimed& timed = entry.timed;
  record.nanoseconds = 1e9 * timed.seconds;
  record.ratio = timed.ratio.ratio;
  record.error = timed.ratio.error;
  record.samples = timed.ratio.samples;
  record.preset = preset;
  record.roof_share = timed.roof_share;
  record.builtin_nanoseconds = 1e9 * timed.builtin_seconds;
  record.candidates = entry.tried;
  return record;
}

}  // namespace

bool Plan::is_empty() const {
  for (size_t p = 0; p < problems.size(); ++p)
    if (has(p)) return false;
  return true;
}

Plan empty_plan(const std::vector<Problem>& problems, const std::vector<TokenClass>& classes,
                const std::vector<ProblemKernels>& builtin) {
  Plan plan{.problems = problems, .classes = classes};
  for (const TokenClass& c : classes) {
    auto& of_class = plan.entries.emplace_back();
    for (const ProblemKernels& kernels : builtin) {
      const ClassKernel& kernel = class_of(kernels, c.timed);
      of_class.push_back(
          {.builtin = to_string(kernel.name), .builtin_bytes = kernel.sizes.packed_bytes});
    }
  }
  return plan;
}

std::vector<ReportRow> rows_of(const Plan& plan) {
  std::vector<ReportRow> rows;
  for (size_t c = 0; c < plan.classes.size(); ++c)
    for (size_t p = 0; p < plan.problems.size(); ++p)
      rows.push_back(row_of(plan.problems[p], plan.classes[c], plan.entries[c][p]));
  return rows;
}

std::vector<Record> records_of(const Plan& plan, const RecordKey& key, const std::string& preset) {
  std::vector<Record> records;
  for (size_t c = 0; c < plan.classes.size(); ++c)
    for (size_t p = 0; p < plan.problems.size(); ++p) {
      if (!plan.has(p)) continue;
      RecordKey own = key;
      own.problem = plan.problems[p];
      own.m_min = plan.classes[c].m_min;
      records.push_back(record_of(std::move(own), plan.entries[c][p], preset));
    }
  return records;
}

}  // namespace bitnet::tuner
