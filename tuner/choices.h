// Choices that are remembered: from a line in the log back to the candidate that it names, as far
// as it still exists.
#pragma once

#include <optional>

#include "tuner/candidates.h"
#include "tuner/records.h"

namespace bitnet::tuner {

// Of a name that some template of today still has, with the very code it was measured with, at a
// level of `isa`: the answers of a search without --isa may be of a level that is not.
std::optional<Candidate> candidate_of(const Record& record, const IsaSet& isa);

}  // namespace bitnet::tuner
