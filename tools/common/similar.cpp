#include "tools/common/similar.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace bitnet {
namespace {

std::string_view without_dashes(std::string_view name) {
  return name.substr(std::min(name.find_first_not_of('-'), name.size()));
}

// Levenshtein's distance, a row of its table at a time.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = i;
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string most_similar(std::string_view name, std::span<const std::string> known) {
  const std::string_view letters = without_dashes(name);
  size_t best = letters.size() / 3 + 1;  // what is nearer is taken
  if (letters.size() > 64) return {};    // no name is that long
  std::string found;
  for (const std::string& candidate : known) {
    const size_t d = distance(letters, without_dashes(candidate));
    if (d >= best) continue;
    best = d;
    found = candidate;
  }
  return found;
}

}  // namespace bitnet
