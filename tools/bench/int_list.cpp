#include "tools/bench/int_list.h"

#include <algorithm>
#include <charconv>

namespace bitnet::bench {
namespace {

constexpr size_t kMostNumbers = 1000;

// Takes a number off the front; nothing where there is none.
bool take_number(std::string_view& text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// One item: a number or a range. False: malformed, or it would never end.
bool append_item(std::string_view item, std::vector<int>& out) {
  int first = 0, last = 0, step = 1;
  if (!take_number(item, first)) return false;
  if (item.empty()) {
    out.push_back(first);
    return true;
  }
  if (!take(item, '-') || !take_number(item, last) || last < first) return false;
  const bool times = take(item, '*');
  if ((times || take(item, '+')) && !take_number(item, step)) return false;
  if (!item.empty() || step < (times ? 2 : 1) || (times && first < 1)) return false;
  for (long value = first; value <= last && out.size() <= kMostNumbers;
       value = times ? value * step : value + step) {
    out.push_back(static_cast<int>(value));
  }
  return true;
}

}  // namespace

Result<std::vector<int>> parse_int_list(std::string_view text, std::string_view option, int least,
                                        int most) {
  std::vector<int> numbers;
  std::string_view rest = text;
  do {
    const size_t comma = std::min(rest.find(','), rest.size());
    if (!append_item(rest.substr(0, comma), numbers) || numbers.size() > kMostNumbers) {
      return fail(Error::Kind::usage,
                  "{} {}: wanted numbers such as 1,2 or ranges such as 1-8, 1-9+2, 1-8*2", option,
                  text);
    }
    const bool more = comma < rest.size();
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!more) break;
  } while (true);
  for (int number : numbers) {
    if (number < least || number > most) {
      return fail(Error::Kind::usage, "{} {}: found {}, wanted {} to {}", option, text, number,
                  least, most);
    }
  }
  return numbers;
}

}  // namespace bitnet::bench
