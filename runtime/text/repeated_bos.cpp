#include "runtime/text/repeated_bos.h"

#include <fmt/format.h>

#include <unordered_set>

#include "runtime/base/printable.h"

namespace bitnet {
namespace {

constexpr size_t kLeastBytes = 3;  // "<s>": a shorter begin token says little by standing there

bool is_special(TokenType type) {
  return type == TokenType::control || type == TokenType::user_defined;
}

// Without the begin token and the spaces that a decoder puts behind it.
std::string_view stripped(std::string_view text, std::string_view bos) {
  while (text.size() > bos.size() && text.starts_with(bos)) {
    text.remove_prefix(bos.size());
    while (text.size() > 1 && text[0] == ' ') text.remove_prefix(1);
  }
  return text;
}

// The begin token's own spelling is doubled in such files.
std::string_view once(std::string_view bos) {
  const std::string_view half = bos.substr(0, bos.size() / 2);
  return half.size() >= kLeastBytes && bos == std::string(half) + std::string(half) ? half : bos;
}

}  // namespace

void strip_repeated_bos(Vocabulary& v) {
  if (!v.bos || !is_special(v.types[static_cast<size_t>(*v.bos)])) return;
  const std::string_view bos = once(v.tokens[static_cast<size_t>(*v.bos)]);
  if (bos.size() < kLeastBytes) return;
  std::vector<size_t> ids;
  for (size_t id = 0; id < v.tokens.size(); ++id)
    if (is_special(v.types[id]) && stripped(v.tokens[id], bos) != v.tokens[id]) ids.push_back(id);
  if (ids.empty()) return;
  std::unordered_set<std::string_view> texts(v.tokens.begin(), v.tokens.end());
  size_t count = 0;
  for (const size_t id : ids) {
    const std::string_view text = stripped(v.tokens[id], bos);
    if (!texts.insert(text).second) continue;
    v.tokens[id] = text;
    ++count;
  }
  if (count > 0)
    v.notices.push_back(fmt::format("{} special token{} spelt with {} before: taken off", count,
                                    count == 1 ? " is" : "s are", printable(bos)));
}

}  // namespace bitnet
