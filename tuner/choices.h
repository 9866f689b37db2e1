// Choices that are remembered: from a winner to its line in the log, and from a line back to the
// candidate that it names, as far as it still exists.
#pragma once

#include <optional>

#include "tuner/candidates.h"
#include "tuner/records.h"
#include "tuner/retime.h"

namespace bitnet::tuner {

// key: of the question; the kernel and its hash are filled in.
Record choice_record(RecordKey key, const Candidate& winner, const Retimed& timed,
                     const std::string& preset, int tried);

// Of a name that some template of today still has, with the very code it was measured with, at a
// level of `isa`: the answers of a search without --isa may be of a level that is not.
std::optional<Candidate> candidate_of(const Record& record, const IsaSet& isa);

}  // namespace bitnet::tuner
