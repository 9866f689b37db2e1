// What a search says beside its plan: every packing's best, and what was not tried.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tuner/packing_search.h"
#include "tuner/plan.h"
#include "tuner/report.h"

namespace bitnet::tuner {

// Of each packing, problem and class, beside the kernel that the plan chose.
std::vector<PackingReport> packings_of(const SearchResult& result, const Plan& plan);

// left_out: of each class, reasons and how many pairs of a candidate and a problem they concern.
std::vector<LeftOut> left_out_of(const std::vector<std::map<std::string, int>>& left_out,
                                 const std::vector<TokenClass>& classes);

}  // namespace bitnet::tuner
