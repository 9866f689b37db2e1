#include "tuner/check.h"

#include <algorithm>
#include <numeric>

#include "runtime/kernel/fits.h"
#include "runtime/kernel/reference.h"

namespace bitnet::tuner {
namespace {

enum class Pattern { random, plus, minus, alternating };
constexpr uint32_t kUntouched =
    0x11111111;  // fills Y beforehand: a finite float, which BN_SCALED_ADD adds to
constexpr float kResidualScale = 0.2475F;  // not 1, so that a kernel that leaves it out is seen
constexpr Pattern kPatterns[] = {Pattern::random, Pattern::plus, Pattern::minus,
                                 Pattern::alternating};

struct Input {
  std::vector<int8_t> x;      // [tokens][k]
  std::vector<float> scales;  // [tokens], with groups [tokens][k/group]
  Pattern pattern;
};

int8_t trit(Pattern pattern, int64_t n, int64_t k) {
  switch (pattern) {
    case Pattern::plus:
      return 1;
    case Pattern::minus:
      return -1;
    case Pattern::alternating:
      return (n + k) % 2 == 0 ? 1 : -1;
    case Pattern::random:
      break;
  }
  const auto h = static_cast<uint64_t>(n * 1000003 + k) * 0x9e3779b97f4a7c15U;
  return static_cast<int8_t>(static_cast<int>((h >> 40) % 3) - 1);
}

// Of row n and group g, F16: between 1/2 and 2, of either sign.
uint16_t weight_scale(int64_t n, int64_t g) {
  const auto h = static_cast<uint64_t>(n * 10007 + g + 1) * 0x94d049bb133111ebU >> 40;
  return static_cast<uint16_t>(0x3800U + h % 0x800U + (h >> 12) % 2 * 0x8000U);
}

Input make_input(Pattern pattern, int64_t tokens, const Problem& problem) {
  const int64_t k = problem.k, groups = problem.group ? k / problem.group : 1;
  Input input{
      .x = std::vector<int8_t>(static_cast<size_t>(tokens * k)), .scales = {}, .pattern = pattern};
  for (int64_t m = 0; m < tokens; ++m) {
    for (int64_t i = 0; i < k; ++i) {
      int value = (m % 2 == 0) ? 127 : -127;
      if (pattern == Pattern::alternating) value = i % 2 == 0 ? 127 : -127;
      if (pattern == Pattern::random) {
        const auto h = static_cast<uint64_t>(m * 7919 + i + 1) * 0xbf58476d1ce4e5b9U;
        value = static_cast<int>((h >> 33) % 255) - 127;
      }
      input.x[static_cast<size_t>(m * k + i)] = static_cast<int8_t>(value);
    }
    for (int64_t g = 0; g < groups; ++g)
      input.scales.push_back(40.0F + static_cast<float>(m + 7 * g));
  }
  return input;
}

// A kernel's copy of the weights, and room to compute some rows of Y for up to `tokens` tokens.
class Work {
 public:
  Work(const Problem& problem, const BnSizes& sizes, const KernelFunctions& functions,
       int64_t tokens)
      : problem_(problem),
        kernel_{.sizes = sizes, .functions = functions},
        packed_(static_cast<size_t>(sizes.packed_bytes)),
        scratch_(static_cast<size_t>(sizes.scratch_bytes)),
        y_(static_cast<size_t>(tokens * problem.n) * 4) {
    kernel_.packed = packed_.as<uint8_t>();
    form_ = AlignedBuffer(static_cast<size_t>(product(problem.epilogue).form_bytes(tokens)));
  }

  void pack(Range rows, Pattern pattern) {
    std::vector<int8_t> trits(static_cast<size_t>(rows.size() * problem_.k));
    int8_t* out = trits.data();
    for (int64_t n = rows.begin; n < rows.end; ++n) {
      for (int64_t k = 0; k < problem_.k; ++k) *out++ = trit(pattern, n, k);
    }
    std::vector<uint16_t> scales;
    for (int64_t n = rows.begin; problem_.group && n < rows.end; ++n)
      for (int64_t g = 0; g < problem_.k / problem_.group; ++g)
        scales.push_back(weight_scale(n, g));
    pack_rows(problem_, kernel_.functions.pack, rows, trits.data(), scales.data(),
              packed_.as<uint8_t>());
  }

  void compute(Range rows, Pattern pattern, BnEpilogue epilogue, int64_t tokens) {
    std::ranges::fill(y_.span<uint32_t>(), kUntouched);
    const Input input = make_input(pattern, tokens, problem_);
    const ProductInput in{.tokens = tokens,
                          .x = input.x.data(),
                          .ldx = problem_.k,
                          .scales = input.scales.data(),
                          .form = form_.as<uint8_t>()};
    const Product wanted = product(epilogue);
    wanted.prepare({0, tokens}, in);
    wanted.run({{0, tokens}, rows}, in, scratch_.as<uint8_t>(),
               {y_.data(), problem_.n, kResidualScale});
  }

  const AlignedBuffer& y() const { return y_; }

 private:
  Product product(BnEpilogue epilogue) const {
    Problem problem = problem_;
    problem.epilogue = epilogue;
    return {problem, one_scale(problem_, 0.75F), {kernel_}};
  }

  const Problem& problem_;
  ProductKernel kernel_;
  AlignedBuffer packed_, form_, scratch_, y_;
};

// The results that show every bit of the sums: integers, or with groups what their chains came to.
BnEpilogue plainest(const Problem& problem) { return problem.group ? BN_SCALED : BN_INT32; }

// Calls visit(rows, pattern, epilogue) for everything that is compared: first random values of the
// first rows, in the plainest epilogue.
template <typename Visit>
Result<void> for_each_case(const Problem& problem, int64_t part_rows, const Visit& visit) {
  std::vector<Range> parts{{0, std::min(problem.n, part_rows)}};
  const int64_t last = (problem.n - 1) / part_rows * part_rows;
  if (last > 0) parts.push_back({last, problem.n});
  for (Pattern pattern : kPatterns) {
    for (const Range& rows : parts) {
      for (BnEpilogue epilogue : {plainest(problem), problem.epilogue})
        BITNET_CHECK(visit(rows, pattern, epilogue));
    }
  }
  return {};
}

// The rows' columns of Y, and a count of what was written beside them.
struct Columns {
  std::vector<uint32_t> bits;
  int64_t strays = 0;
};

Columns columns_of(const Problem& problem, BnEpilogue epilogue, Range rows, int64_t tokens,
                   const AlignedBuffer& y) {
  const int64_t halves = is_gate_up(epilogue) ? 2 : 1;
  const int64_t begin = rows.begin / halves, end = rows.end / halves;
  Columns columns;
  for (int64_t m = 0; m < tokens; ++m) {
    const uint32_t* row = y.as<uint32_t>() + m * problem.n;
    columns.bits.insert(columns.bits.end(), row + begin, row + end);
    for (int64_t n = 0; n < problem.n; ++n)
      columns.strays += (n < begin || n >= end) && row[n] != kUntouched;
  }
  return columns;
}

// A kernel at work on one problem, for up to `tokens` tokens.
class Trial {
 public:
  Trial(const std::string& name, const Problem& problem, const BnSizes& sizes,
        const KernelFunctions& functions, int64_t tokens)
      : name_(name), problem_(problem), work_(problem, sizes, functions, tokens) {}

  void pack(Range rows, Pattern pattern) { work_.pack(rows, pattern); }

  // What is wanted may go on with further tokens.
  Result<void> compare(Range rows, Pattern pattern, BnEpilogue epilogue, int64_t tokens,
                       const Columns& wanted) {
    work_.compute(rows, pattern, epilogue, tokens);
    const Columns got = columns_of(problem_, epilogue, rows, tokens, work_.y());
    if (got.strays != 0) {
      return fail(Error::Kind::invalid, "{}: {}: wrote {} results outside its part", name_,
                  describe(problem_), got.strays);
    }
    const auto [a, b] = std::ranges::mismatch(got.bits, wanted.bits);
    if (a == got.bits.end()) return {};
    return fail(Error::Kind::invalid,
                "{}: {}: result {} of {} tokens, pattern {}, epilogue {}: bits {:08x}, reference "
                "{:08x}",
                name_, describe(problem_), a - got.bits.begin(), tokens, static_cast<int>(pattern),
                static_cast<int>(epilogue), *a, *b);
  }

 private:
  const std::string& name_;
  const Problem& problem_;
  Work work_;
};

}  // namespace

struct Checker::Expected {
  std::vector<Columns> cases;  // in the order of for_each_case
};

Checker::Checker(const Problem& problem, int64_t m_min, int64_t m_max)
    : problem_(problem), m_min_(m_min), m_max_(m_max) {}
Checker::~Checker() = default;

const Checker::Expected& Checker::expected(int64_t tokens, int64_t part_rows) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Expected>& slot = expected_[{tokens, part_rows}];
  if (slot) return *slot;
  auto made = std::make_unique<Expected>();  // seen by other threads when it is whole
  const KernelFunctions& reference = reference_functions();
  BnSizes sizes{};
  reference.sizes(problem_.n, problem_.k, problem_.group, &sizes);
  Work work(problem_, sizes, reference, tokens);
  (void)for_each_case(
      problem_, part_rows, [&](Range rows, Pattern pattern, BnEpilogue epilogue) -> Result<void> {
        work.pack(rows, pattern);
        work.compute(rows, pattern, epilogue, tokens);
        made->cases.push_back(columns_of(problem_, epilogue, rows, tokens, work.y()));
        return {};
      });
  slot = std::move(made);
  return *slot;
}

Result<void> Checker::check(const std::string& name, const BnSizes& sizes,
                            const KernelFunctions& functions) {
  BnFacts facts{};
  functions.facts(problem_.group, &facts);
  BITNET_CHECK(fits(name, facts));
  BITNET_CHECK(fits(name, sizes, problem_));
  // Parts begin at multiples of the kernel's step and, where gate and up rows alternate, of two.
  const int64_t step = std::lcm(int64_t{std::max(1, sizes.row_step)}, int64_t{2});
  const int64_t part_rows = std::max<int64_t>(1, (facts.check_rows + step - 1) / step) * step;
  const int64_t tokens = std::clamp(facts.check_tokens, m_min_, m_max_);
  const Expected& want = expected(tokens, part_rows);
  Trial trial(name, problem_, sizes, functions, tokens);
  size_t index = 0;
  BITNET_CHECK(for_each_case(
      problem_, part_rows, [&](Range rows, Pattern pattern, BnEpilogue epilogue) -> Result<void> {
        trial.pack(rows, pattern);
        return trial.compare(rows, pattern, epilogue, tokens, want.cases[index++]);
      }));
  // Fewer tokens take other paths. A token's results do not depend on how many there are, so what
  // is wanted of them is the beginning of the first case.
  const Range first{0, std::min(problem_.n, part_rows)};
  trial.pack(first, Pattern::random);
  for (int64_t count = m_min_; count < tokens; ++count)
    BITNET_CHECK(
        trial.compare(first, Pattern::random, plainest(problem_), count, want.cases.front()));
  return {};
}

}  // namespace bitnet::tuner
