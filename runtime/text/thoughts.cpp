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

bool holds(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Whether a condition on enable_thinking holds where that is not given: "enable_thinking is
// undefined or ..." and "not enable_thinking" do, "enable_thinking is defined and ..." does not.
bool holds_when_undefined(std::string_view condition) {
  if (holds(condition, "undefined or") || holds(condition, "not defined or")) return true;
  return holds(condition, "not enable_thinking") && !holds(condition, "is defined");
}

// Whether what a template writes at its end is written where nothing is said of enable_thinking:
// the last condition on it before, or the other branch of that.
bool written_by_default(std::string_view before) {
  const size_t reply = std::min(before.rfind("add_generation_prompt"), before.size());
  before.remove_prefix(reply);
  const size_t at = before.rfind("if enable_thinking");
  const size_t negated = before.rfind("if not enable_thinking");
  const size_t begin = at == before.npos || (negated != before.npos && negated > at) ? negated : at;
  if (begin == before.npos) return true;
  before.remove_prefix(begin);
  const size_t end = std::min(before.find("%}"), before.size());
  const bool other_branch = holds(before.substr(end), " else ");
  return holds_when_undefined(before.substr(0, end)) != other_branch;
}

}  // namespace

ThoughtsOfTemplate thoughts_of_template(std::string_view text) {
  constexpr std::string_view kWritten = R"(<think>\n\n</think>\n\n)";  // as templates spell it
  const size_t at = text.rfind(kWritten);
  if (at == text.npos) return {};
  ThoughtsOfTemplate thoughts = {.can_be_off = true};
  for (const std::string_view begun :
       {R"('<think>\n')", R"("<think>\n")", R"(assistant\n<think>\n')", R"(assistant\n<think>\n")"})
    thoughts.begun |= holds(text, begun);
  thoughts.on = !written_by_default(text.substr(0, at));
  return thoughts;
}

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
