// From what a search found to what the plan holds: every chosen kernel with its shape as constants
// of its code, timed once more beside the built-in ones; and where that does not confirm the
// search, the choice is taken back.
//
//   two packings   cost memory: they stay where the gain over one packing lasts, both re-timed
//   slower         what is slower than built-in gives way to the built-in parameters, which are the
//                  same code for one shape
//
// Reads no clock: how kernels are shaped and timed is handed in.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tuner/listener.h"
#include "tuner/packing_search.h"
#include "tuner/plan.h"
#include "tuner/retime.h"

namespace bitnet::tuner {

struct SettleInput {
  const std::vector<Problem>& problems;
  const std::vector<TokenClass>& classes;
  // wanted[p] of a class again, for the shape of problem p; null where it cannot be had.
  std::function<Result<std::vector<const Compiled*>>(
      const TokenClass& of_class, const std::vector<std::optional<Candidate>>& wanted)>
      shape;
  std::function<Result<RetimedPlan>(const std::vector<ProblemChoice>& choices)> retime;
  Listener& listener;
};

// found.choices become the plan's; their times are the answer.
Result<RetimedPlan> settle(const SettleInput& input, SearchResult& found);

// Enters what was chosen and how long it takes. plan: of the right size (empty_plan).
void fill(Plan& plan, const SearchResult& found, const RetimedPlan& timed);

}  // namespace bitnet::tuner
