#include "tuner/wisdom.h"

#include <fmt/core.h>

namespace bitnet::tuner {

Wisdom derive_wisdom(std::span<const Record> records, const std::string& machine) {
  Wisdom wisdom;
  for (const Record& record : records) {
    if (record.kind != RecordKind::choice || record.key.machine != machine) continue;
    wisdom.insert_or_assign(question(record.key), record);
  }
  return wisdom;
}

bool looks_like_wisdom(std::string_view head) { return head.starts_with("wisdom "); }

std::string to_text(const Wisdom& wisdom, const std::string& machine) {
  std::string text = fmt::format("wisdom 1 machine={}\n", machine);
  for (const auto& [asked, record] : wisdom) {
    const std::string line = to_text(record);
    text += line;
    text += '\n';
  }
  return text;
}

Result<Wisdom> parse_wisdom(std::string_view text, const std::string& where,
                            const std::string& machine) {
  Wisdom wisdom;
  std::string previous;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (end == std::string_view::npos) {
      return fail(Error::Kind::invalid, "{}:{}: the last line does not end: the file is torn",
                  where, number);
    }
    text.remove_prefix(end + 1);
    if (number == 1) {
      const std::string header = fmt::format("wisdom 1 machine={}", machine);
      if (line != header)
        return fail(Error::Kind::invalid, "{}:1: found '{}', wanted '{}'", where, line, header);
      continue;
    }
    auto record = parse_record(line);
    if (!record) return in(fmt::format("{}:{}", where, number), std::move(record.error()));
    if (record->kind != RecordKind::choice) {
      return fail(Error::Kind::invalid, "{}:{}: found a trial, wanted choices only", where, number);
    }
    std::string asked = question(record->key);
    if (asked <= previous) return fail(Error::Kind::invalid, "{}:{}: not sorted", where, number);
    previous = asked;
    wisdom.emplace(std::move(asked), std::move(*record));
  }
  return wisdom;
}

}  // namespace bitnet::tuner
