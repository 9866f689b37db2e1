// trials.log: every measurement ever made here, appended, never rewritten. A line is 8 hexadecimal
// digits of checksum, a space, and a record; it is written and read under a lock, so several tuners
// may share a log. A torn tail (power failure) is dropped with a notice; so is a line whose
// checksum is wrong.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tuner/records.h"

namespace bitnet::tuner {

struct TrialsRead {
  std::vector<Record> records;       // in the order of the file
  std::vector<std::string> notices;  // one line each, for the user
};

// No file: no records.
Result<TrialsRead> read_trials(const std::string& path);
Result<void> append_trials(const std::string& path, std::span<const Record> records);

}  // namespace bitnet::tuner
