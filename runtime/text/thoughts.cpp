#include "runtime/text/thoughts.h"

#include <algorithm>

#include "runtime/base/trimmed.h"

namespace bitnet {
namespace {

constexpr std::string_view kBegin = "<think>", kEnd = "</think>";

std::string_view without_line_ends(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of('\n'), text.size());
  return text.substr(begin, text.find_last_not_of('\n') + 1 - begin);
}

std::string_view after_last(std::string_view text, std::string_view mark) {
  const size_t at = text.rfind(mark);
  return at == text.npos ? text : text.substr(at + mark.size());
}

}  // namespace

PartedReply part_reply(std::string_view reply) {
  const size_t end = reply.find(kEnd);
  if (end == reply.npos) return {{}, reply};
  const std::string_view answer = after_last(reply, kEnd);
  return {without_line_ends(after_last(reply.substr(0, end), kBegin)),
          answer.substr(std::min(answer.find_first_not_of('\n'), answer.size()))};
}

bool cut_in_thought(std::string_view reply) {
  return trimmed(reply).starts_with(kBegin) && reply.find(kEnd) == reply.npos;
}

}  // namespace bitnet
