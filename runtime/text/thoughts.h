// Replies of models that think before they answer: "<think>\nthought\n</think>\n\nanswer".
#pragma once

#include <string_view>

namespace bitnet {

struct PartedReply {
  std::string_view thought, answer;  // without the line ends around the tags
};

// A text without </think> is an answer. Of several tags the first thought and the last answer
// count, as in the templates of Qwen3.
PartedReply part_reply(std::string_view reply);

// The reply begins with a thought that does not end.
bool cut_in_thought(std::string_view reply);

}  // namespace bitnet
