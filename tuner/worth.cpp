#include "tuner/worth.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "runtime/base/round_up.h"
#include "runtime/cpu/isa.h"

namespace bitnet::tuner {
namespace {

using codegen::Template;

constexpr int64_t kPageBytes = 4096;
constexpr int64_t kLeastStepK = 4;      // of any packing: a 32-bit lane of activations
constexpr int64_t kOtherRegisters = 2;  // codes and activations, beside the sums
// A stream must be so many times longer than what is prefetched ahead of its beginning.
constexpr int64_t kStepsOfStream = 4;

template <typename Pairs>
auto find(const Pairs& pairs, std::string_view letter) {
  return std::ranges::find_if(pairs, [&](const auto& pair) { return pair.first == letter; });
}

// A kernel's parameters where they are going to work.
struct Case {
  const Template& t;
  const KernelName& name;
  const Place& place;
  const Problem& problem;
  int64_t tokens;

  bool has(std::string_view letter) const { return find(t.defaults, letter) != t.defaults.end(); }
  int64_t of(std::string_view letter) const { return name.parameter(letter).value_or(0); }
  int64_t default_of(std::string_view letter) const {
    return has(letter) ? find(t.defaults, letter)->second : 0;
  }
  bool changed(std::string_view letter) const { return of(letter) != default_of(letter); }
  const std::vector<int64_t>& offered(std::string_view letter) const {
    static const std::vector<int64_t> kNone;
    const auto found = find(t.choices, letter);
    return found == t.choices.end() ? kNone : found->second;
  }
  // 0: not known.
  int64_t cache(size_t level) const {
    return level < place.cache_bytes.size() ? place.cache_bytes[level] : 0;
  }
  // At 2 bits a weight, as most packings have it.
  int64_t weight_bytes(int64_t rows) const { return rows * problem.k / 4; }
  bool is_whole_k(int64_t block) const { return block == 0 || block >= problem.k; }
};

// A block that is all of K is what the default is already, or what 0 says.
bool block_is_all_of_k(const Case& c) {
  const int64_t block = c.of("k");
  if (!c.changed("k") || !c.is_whole_k(block)) return false;
  return c.is_whole_k(c.default_of("k")) ||
         (block != 0 && std::ranges::count(c.offered("k"), 0) > 0);
}

// Half of L1, because tokens and panels stream through it. Only register tiles: what a block of
// tables is for is another rule's affair.
bool fits_l1_without_block(const Case& c) {
  if (!c.has("c") || c.has("b") || !c.changed("k") || c.of("k") == 0) return false;
  return 2 * (c.weight_bytes(c.of("r")) + c.of("c") * c.problem.k) <= c.cache(0);
}

bool panel_exceeds_matrix(const Case& c) {
  if (!c.changed("r")) return false;
  const int64_t least = std::ranges::min(c.offered("r"));
  return c.of("r") > round_up(c.problem.n, least);
}

bool iteration_exceeds_k(const Case& c) {
  return c.changed("u") && c.of("u") * kLeastStepK > c.problem.k;
}

bool sums_exceed_registers(const Case& c) {
  const IsaLevel& level = level_of(c.t.isa);
  const int64_t lanes = level.vector_bytes / 4;
  const bool tile = c.has("t") && (c.changed("t") || c.changed("c"));
  const bool scales = !c.has("t") && c.has("s") && (c.changed("r") || c.changed("s"));
  const int64_t sums = tile     ? c.of("t") / lanes * c.of("c")
                       : scales ? c.of("r") / lanes * c.of("s")
                                : 0;
  return sums > 0 && sums + kOtherRegisters > level.vector_registers;
}

// 16 entries of 2 bytes for at least 2 input features.
bool tables_exceed_l2(const Case& c) {
  if (!c.has("d") || !(c.changed("k") || c.changed("d")) || c.cache(1) == 0) return false;
  const int64_t copies = c.of("d") == 0 ? 1 : level_of(c.t.isa).vector_bytes / 16;
  const int64_t block = c.is_whole_k(c.of("k")) ? c.problem.k : c.of("k");
  return block * 16 * copies > c.cache(1);
}

bool exceeds_tokens(const Case& c) {
  return (c.changed("b") && c.of("b") > c.tokens) || (c.changed("c") && c.of("c") > c.tokens);
}

bool asks_for_more(const Case& c) {
  return (c.changed("pf") && c.of("pf") > 0) || (c.changed("ph") && c.of("ph") > 0);
}
bool prefetches_from_cache(const Case& c) { return !c.place.weights_in_memory && asks_for_more(c); }
bool stream_is_short(const Case& c) {
  const int64_t ahead = std::max(c.of("pf"), c.of("ph") > 0 ? kPageBytes : 0);
  return asks_for_more(c) && c.weight_bytes(c.problem.n) / c.place.threads < kStepsOfStream * ahead;
}

struct Rule {
  bool (*applies)(const Case& c);
  std::string_view reason;
};
constexpr Rule kRules[] = {
    {block_is_all_of_k, "its block of K is not below K"},
    {fits_l1_without_block, "its activations and panel fit L1 without a block of K"},
    {panel_exceeds_matrix, "its panel has more rows than the matrix"},
    {iteration_exceeds_k, "an iteration of its loop is longer than K"},
    {sums_exceed_registers, "its sums want more vector registers than the level has"},
    {tables_exceed_l2, "its tables do not fit L2"},
    {exceeds_tokens, "it takes more tokens at once than there are"},
    {prefetches_from_cache, "it prefetches what comes from a cache"},
    {stream_is_short, "it prefetches where a thread's weights are soon over"},
};

bool is_prefetching(std::string_view letter) { return letter == "pf" || letter == "ph"; }

bool prefetching_changed(const Case& c) { return c.changed("pf") || c.changed("ph"); }

// Choices between a value and its default.
int steps_from_default(const Case& c, std::string_view letter) {
  const auto& offered = c.offered(letter);
  const auto place = [&](int64_t value) { return std::ranges::find(offered, value); };
  return static_cast<int>(std::abs(place(c.of(letter)) - place(c.default_of(letter))));
}

// Heads alone and nothing at all are what CPUs differ by most, then both, then other distances.
int steps_of_prefetching(const Case& c) {
  if (!prefetching_changed(c)) return 0;
  if (c.of("pf") == 0) return 1;
  return 1 + static_cast<int>(c.changed("ph")) + steps_from_default(c, "pf");
}

}  // namespace

std::string_view why_not(const Template& t, const KernelName& name, const Place& place,
                         const Problem& problem, int64_t tokens) {
  const Case c{t, name, place, problem, tokens};
  for (const Rule& rule : kRules)
    if (rule.applies(c)) return rule.reason;
  return {};
}

int decisions_changed(const Template& t, const KernelName& name) {
  const Case c{t, name, {}, {}, 1};
  int changed = static_cast<int>(prefetching_changed(c));
  for (const auto& [letter, value] : name.parameters)
    changed += !is_prefetching(letter) && c.changed(letter);
  return changed;
}

int turn(const Template& t, const KernelName& name, const Place& place, int64_t tokens) {
  const Case c{t, name, place, {}, tokens};
  int steps = steps_of_prefetching(c);
  for (const auto& [letter, value] : name.parameters)
    if (!is_prefetching(letter)) steps += steps_from_default(c, letter);
  const bool streams = place.weights_in_memory && tokens == 1;
  const bool later = prefetching_changed(c) != streams;
  return 2 * steps + static_cast<int>(later);
}

}  // namespace bitnet::tuner
