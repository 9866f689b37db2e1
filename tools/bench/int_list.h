// Lists of numbers as llama-bench takes them: "1,2,8", "1-8" (step 1), "1-8+2" (1 3 5 7), "1-8*2"
// (1 2 4 8).
#pragma once

#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace bitnet::bench {

// least..most: what a number may be. option: for messages. Error kind usage.
Result<std::vector<int>> parse_int_list(std::string_view text, std::string_view option, int least,
                                        int most);

}  // namespace bitnet::bench
