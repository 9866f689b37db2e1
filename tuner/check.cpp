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
constexpr Pattern kPatterns[] = {Pattern::random, Pattern::plus, Pattern::minus,
                                 Pattern::alternating};

// What one kernel needs to compute some rows of Y for `tokens` tokens.
struct Work {
  Work(const Problem& problem, const BnSizes& sizes, int64_t tokens)
      : packed(static_cast<size_t>(sizes.packed_bytes)),
        form(static_cast<size_t>((tokens + sizes.form_group_tokens - 1) / sizes.form_group_tokens *
                                 sizes.form_group_bytes)),
        scratch(static_cast<size_t>(sizes.scratch_bytes)),
        y(static_cast<size_t>(tokens * problem.n) * 4) {}
  AlignedBuffer packed, form, scratch, y;
};

struct Input {
  std::vector<int8_t> x;      // [tokens][k]
  std::vector<float> scales;  // [tokens]
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

Input make_input(Pattern pattern, int64_t tokens, int64_t k) {
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
    input.scales.push_back(40.0F + static_cast<float>(m));
  }
  return input;
}

void pack_rows(const Problem& problem, BnPackFn* pack, Pattern pattern, Range rows,
               AlignedBuffer& packed) {
  std::vector<int8_t> trits(static_cast<size_t>((rows.end - rows.begin) * problem.k));
  int8_t* out = trits.data();
  for (int64_t n = rows.begin; n < rows.end; ++n) {
    for (int64_t k = 0; k < problem.k; ++k) *out++ = trit(pattern, n, k);
  }
  const BnPack job{.n = problem.n,
                   .k = problem.k,
                   .n0 = rows.begin,
                   .n1 = rows.end,
                   .trits = trits.data(),
                   .packed = packed.as<uint8_t>()};
  pack(&job);
}

void compute(const Problem& problem, const KernelFunctions& functions, const Input& input,
             BnEpilogue epilogue, Range rows, int64_t tokens, Work& work) {
  std::ranges::fill(work.y.span<uint32_t>(), kUntouched);
  const BnPrepare prepare{.k = problem.k,
                          .m0 = 0,
                          .m1 = tokens,
                          .x = input.x.data(),
                          .ldx = problem.k,
                          .form = work.form.as<uint8_t>()};
  functions.prepare(&prepare);
  const std::vector<BnSegment> segments = one_scale(problem, 0.75F);
  const BnRun run{.n = problem.n,
                  .k = problem.k,
                  .m0 = 0,
                  .m1 = tokens,
                  .n0 = rows.begin,
                  .n1 = rows.end,
                  .packed = work.packed.as<uint8_t>(),
                  .form = work.form.as<uint8_t>(),
                  .scratch = work.scratch.as<uint8_t>(),
                  .token_scale = input.scales.data(),
                  .segments = segments.data(),
                  .segment_count = static_cast<int32_t>(segments.size()),
                  .epilogue = epilogue,
                  .y = work.y.data(),
                  .ldy = problem.n};
  functions.run(&run);
}

// Calls visit(rows, pattern, epilogue) for everything that is compared: first random values of the
// first rows, as integers.
template <typename Visit>
Result<void> for_each_case(const Problem& problem, int64_t part_rows, const Visit& visit) {
  std::vector<Range> parts{{0, std::min(problem.n, part_rows)}};
  const int64_t last = (problem.n - 1) / part_rows * part_rows;
  if (last > 0) parts.push_back({last, problem.n});
  for (Pattern pattern : kPatterns) {
    for (const Range& rows : parts) {
      for (BnEpilogue epilogue : {BN_INT32, problem.epilogue})
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
  const bool halves = epilogue == BN_GATE_UP_SILU || epilogue == BN_GATE_UP_RELU2;
  const int64_t begin = halves ? rows.begin / 2 : rows.begin,
                end = halves ? rows.end / 2 : rows.end;
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
      : name_(name), problem_(problem), functions_(functions), work_(problem, sizes, tokens) {}

  void pack(Range rows, Pattern pattern) {
    pack_rows(problem_, functions_.pack, pattern, rows, work_.packed);
  }

  // What is wanted may go on with further tokens.
  Result<void> compare(Range rows, Pattern pattern, BnEpilogue epilogue, int64_t tokens,
                       const Columns& wanted) {
    compute(problem_, functions_, make_input(pattern, tokens, problem_.k), epilogue, rows, tokens,
            work_);
    const Columns got = columns_of(problem_, epilogue, rows, tokens, work_.y);
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
  const KernelFunctions& functions_;
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
  reference.sizes(problem_.n, problem_.k, &sizes);
  Work work(problem_, sizes, tokens);
  (void)for_each_case(problem_, part_rows,
                      [&](Range rows, Pattern pattern, BnEpilogue epilogue) -> Result<void> {
                        pack_rows(problem_, reference.pack, pattern, rows, work.packed);
                        compute(problem_, reference, make_input(pattern, tokens, problem_.k),
                                epilogue, rows, tokens, work);
                        made->cases.push_back(columns_of(problem_, epilogue, rows, tokens, work.y));
                        return {};
                      });
  slot = std::move(made);
  return *slot;
}

Result<void> Checker::check(const std::string& name, const BnSizes& sizes,
                            const KernelFunctions& functions) {
  BnFacts facts{};
  functions.facts(&facts);
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
    BITNET_CHECK(trial.compare(first, Pattern::random, BN_INT32, count, want.cases.front()));
  return {};
}

}  // namespace bitnet::tuner
