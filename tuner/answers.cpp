#include "tuner/answers.h"

#include <optional>

#include "tuner/choices.h"

namespace bitnet::tuner {
namespace {

const Record* remembered(const Setup& setup, RecordKey key, const Problem& problem,
                         const TokenClass& c) {
  key.problem = problem;
  key.m_min = c.m_min;
  return setup.memory.choice(key, setup.preset.name.data());
}

void recall(const Record& record, PlanEntry& entry) {
  entry.timed = {.ratio = {.ratio = record.ratio, .error = record.error, .samples = record.samples},
                 .seconds = 1e-9 * record.nanoseconds,
                 .builtin_seconds = 1e-9 * record.builtin_nanoseconds,
                 .roof_share = record.roof_share};
  entry.tried = record.candidates;
  entry.from_log = true;
}

}  // namespace

Result<bool> answer_from_memory(const Setup& setup, const RecordKey& key, ShapedKernels& shaped,
                                Plan& plan) {
  Plan answer = plan;
  for (size_t c = 0; c < plan.classes.size(); ++c) {
    std::vector<std::optional<Candidate>> wanted;
    for (size_t p = 0; p < plan.problems.size(); ++p) {
      const Record* record = remembered(setup, key, plan.problems[p], plan.classes[c]);
      if (record == nullptr) return false;
      if (!wanted.emplace_back(candidate_of(*record, setup.isa))) return false;
      recall(*record, answer.entries[c][p]);
    }
    BITNET_TRY(const std::vector<const Compiled*> kernels, shaped.compile(plan.classes[c], wanted));
    for (size_t p = 0; p < kernels.size(); ++p)
      if ((answer.entries[c][p].kernel = kernels[p]) == nullptr) return false;
  }
  plan = std::move(answer);
  return true;
}

}  // namespace bitnet::tuner
