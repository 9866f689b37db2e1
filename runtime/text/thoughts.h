// Replies of models that think before they answer, "<think>\nthought\n</think>\n\nanswer", and what
// chat templates do about it.
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

// How a model is told not to think: an empty thought.
inline constexpr std::string_view kNoThought = "<think>\n\n</think>\n\n";

// What a chat template (Jinja) does to tell it, as far as its text shows without being run.
struct ThoughtsOfTemplate {
  bool can_be_off = false;  // it writes the empty thought where a reply begins
  bool begun = false;       // otherwise it begins a thought there
  bool on = true;           // where nothing is said of enable_thinking
};
ThoughtsOfTemplate thoughts_of_template(std::string_view chat_template);

}  // namespace bitnet
