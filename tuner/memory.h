// What was learnt before: trials.log and wisdom of one folder, behind one door.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tuner/records.h"
#include "tuner/wisdom.h"

namespace bitnet::tuner {

class Memory {
 public:
  // folder empty: nothing is remembered. notices: dropped lines, an unreadable wisdom; none of them
  // stops tuning.
  static Memory open(const std::string& folder, const std::string& machine,
                     std::vector<std::string>& notices);

  // The latest choice for this question, of at least this preset's effort.
  const Record* choice(const RecordKey& asked, const std::string& preset) const;
  // Appends to the log at once.
  Result<void> remember(std::span<const Record> records);
  // Derives wisdom again and writes it beside the log.
  Result<void> save_wisdom();

 private:
  std::string folder_, machine_;
  Wisdom wisdom_;
};

}  // namespace bitnet::tuner
