// Every kernel of the catalogue gives the reference's int32 dot products, exactly, and its floats
// bit for bit: awkward shapes, extreme inputs, parts, and memory that ends where reading may end.
//   builtin  natively, as the runtime has them; skipped where this CPU lacks the level
//   variant  the same with every parameter at its first, and at its last choice
//   twin     all levels of all architectures in portable C, with fewer shapes
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "runtime/cpu/isa.h"
#include "tests/kernel_case.h"
#include "twin_kernels.inc"
#include "variant_kernels.inc"

namespace bitnet {
namespace {

struct Subject {
  std::string group;
  const BuiltinKernel* kernel;
  bool native() const { return group != "twin"; }
};

class EveryKernel : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    if (GetParam().native() && !reported_isa().has(kernel().name.isa))
      GTEST_SKIP() << "this CPU has no " << name(kernel().name.isa);
  }
  const BuiltinKernel& kernel() const { return *GetParam().kernel; }
  BnFacts facts(int64_t group = 0) const {
    BnFacts facts{};
    kernel().functions.facts(group, &facts);
    return facts;
  }
  // How many of the seeded shapes to try. scalar is its own twin, so it need not be fast here.
  uint32_t shapes() const {
    if (std::getenv("BITNET_FULL") != nullptr) return 400;
    return GetParam().group == "builtin" ? 200 : 40;
  }
  void expect_exact(const KernelCase& c, BnEpilogue epilogue, int64_t token_parts = 0,
                    int64_t row_parts = 0) const {
    EXPECT_TRUE(c.run(kernel().functions, epilogue, token_parts, row_parts) == c.want(epilogue))
        << "M=" << c.shape().m << " N=" << c.shape().n << " K=" << c.shape().k << " group "
        << c.shape().group << " epilogue " << epilogue << " parts " << token_parts << " x "
        << row_parts;
  }
};

constexpr BnEpilogue kEpilogues[] = {BN_INT32, BN_SCALED, BN_SCALED_ADD, BN_GATE_UP_SILU,
                                     BN_GATE_UP_RELU2};

// N is even, as it is wherever gates are asked for.
Shape awkward_shape(std::mt19937& random) {
  const auto pick = [&](int64_t most) {
    return 1 + static_cast<int64_t>(random() % static_cast<uint32_t>(most));
  };
  return {pick(random() % 4 == 0 ? 70 : 9), 2 * pick(random() % 4 == 0 ? 150 : 40),
          pick(random() % 4 == 0 ? 1500 : 200)};
}

// The numbers of a packing key, "t2_r32": those of BnFacts.layout.
std::vector<int64_t> layout_in(const std::string& key, const std::string& packing) {
  EXPECT_TRUE(key.starts_with(packing)) << key;
  std::vector<int64_t> numbers;
  for (size_t at = packing.size(); (at = key.find('_', at)) != std::string::npos; ++at)
    numbers.push_back(std::stoll(key.substr(key.find_first_of("0123456789", at))));
  numbers.resize(std::size(BnFacts{}.layout));
  return numbers;
}

TEST_P(EveryKernel, Fits) {
  EXPECT_EQ(facts().unfit, BN_FITS) << bn_unfit_words(facts().unfit);
  BnSizes sizes{};
  kernel().functions.sizes(64, 64, 0, &sizes);
  EXPECT_EQ(sizes.exact_k, BN_MAX_K);
  EXPECT_EQ(sizes.row_step % 2, 0) << "a gate and its up row belong to one part";
}

TEST_P(EveryKernel, StatesWhatTheCatalogueSaysOfIt) {
  const BnFacts f = facts();
  EXPECT_EQ(f.tokens_min, kernel().m_min);
  EXPECT_EQ(f.tokens_max, kernel().m_max);
  EXPECT_EQ(std::vector<int64_t>(std::begin(f.layout), std::end(f.layout)),
            layout_in(kernel().packing_key, kernel().name.packing));
}

// As its facts ask, with random numbers and at the extremes.
TEST_P(EveryKernel, MatchesTheReferenceOnEveryPath) {
  const BnFacts f = facts();
  for (const Fill fill : {Fill::random, Fill::plus_plus, Fill::plus_minus})
    for (int64_t m = 1; m <= f.check_tokens && !HasFailure(); ++m)
      expect_exact(KernelCase({m, f.check_rows + 2, f.check_k}, 3, fill), BN_INT32);
}

TEST_P(EveryKernel, MatchesTheReferenceOnAwkwardShapes) {
  std::mt19937 random(17);
  for (uint32_t i = 0; i < shapes() && !HasFailure(); ++i)
    expect_exact(KernelCase(awkward_shape(random), i), BN_INT32);
}

TEST_P(EveryKernel, MatchesTheReferenceInEveryEpilogue) {
  std::mt19937 random(18);
  for (uint32_t i = 0; i < 20 && !HasFailure(); ++i) {
    const KernelCase c(awkward_shape(random), i);
    for (const BnEpilogue epilogue : kEpilogues) expect_exact(c, epilogue);
  }
}

TEST_P(EveryKernel, IsExactAtTheExtremes) {
  for (const Fill fill : {Fill::plus_plus, Fill::plus_minus, Fill::minus_plus})
    for (const int64_t k : {int64_t{65536}, int64_t{BN_MAX_K}, int64_t{129}})
      expect_exact(KernelCase({GetParam().native() ? 3 : 1, 34, k}, 1, fill), BN_INT32);
  const Shape shape{facts().check_tokens, facts().check_rows + 2, GetParam().native() ? 4103 : 515};
  for (const Fill fill : {Fill::plus_plus, Fill::plus_minus, Fill::minus_plus})
    expect_exact(KernelCase(shape, 1, fill), BN_INT32);
}

// Of a group size: every path, extremes, awkward numbers of rows and tokens, parts and epilogues.
TEST_P(EveryKernel, MatchesTheReferenceWithGroups) {
  for (const int64_t group : {64, 128, 256}) {
    const BnFacts f = facts(group);
    if (f.unfit != BN_FITS) {
      EXPECT_EQ(f.unfit, BN_UNFIT_GROUP) << bn_unfit_words(f.unfit);
      continue;
    }
    const int64_t rows = f.check_rows + 2;
    for (const Fill fill : {Fill::random, Fill::plus_plus, Fill::plus_minus, Fill::minus_plus})
      for (int64_t m = 1; m <= f.check_tokens && !HasFailure(); ++m)
        expect_exact(KernelCase({m, rows, 2 * group, group}, 3, fill), BN_SCALED);
    std::mt19937 random(19);
    for (uint32_t i = 0; i < shapes() / 10 && !HasFailure(); ++i) {
      const Shape s = awkward_shape(random);
      const KernelCase c({s.m, s.n, group * (1 + s.k % 7), group}, i);
      for (const BnEpilogue epilogue : kEpilogues)
        if (epilogue != BN_INT32) expect_exact(c, epilogue);
    }
    const KernelCase c({7, 202, 3 * group, group}, 5);
    for (const int64_t tokens : {1, 3})
      for (const int64_t parts : {1, 2}) expect_exact(c, BN_SCALED_ADD, tokens, parts);
  }
}

TEST_P(EveryKernel, PartsMakeTheWhole) {
  const KernelCase c({7, 202, 333}, 5);
  for (const BnEpilogue epilogue : {BN_INT32, BN_GATE_UP_SILU})
    for (const int64_t tokens : {1, 3})
      for (const int64_t rows : {1, 2}) expect_exact(c, epilogue, tokens, rows);
}

std::vector<Subject> all() {
  std::vector<Subject> subjects;
  for (const BuiltinKernel& kernel : builtin_kernels()) subjects.push_back({"builtin", &kernel});
  for (const BuiltinKernel& kernel : kernel_table_variant_kernels)
    subjects.push_back({"variant", &kernel});
  for (const BuiltinKernel& kernel : kernel_table_twin_kernels)
    subjects.push_back({"twin", &kernel});
  return subjects;
}
INSTANTIATE_TEST_SUITE_P(, EveryKernel, testing::ValuesIn(all()), [](const auto& info) {
  return info.param.group + "_" + to_string(info.param.kernel->name);
});

TEST(Packings, OfOneKeyAreTheSameBytes) {
  constexpr int64_t kN = 70, kK = 261;
  std::vector<int8_t> trits(kN * kK);
  std::mt19937 random(23);
  for (int8_t& t : trits) t = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
  std::map<std::string, std::pair<std::vector<uint8_t>, std::string>> first;
  for (const Subject& subject : all()) {
    const BuiltinKernel& kernel = *subject.kernel;
    if (subject.native() && !reported_isa().has(kernel.name.isa)) continue;
    BnSizes sizes{};
    kernel.functions.sizes(kN, kK, 0, &sizes);
    std::vector<uint8_t> packed(static_cast<size_t>(sizes.packed_bytes));
    pack_rows({.n = kN, .k = kK}, kernel.functions.pack, {0, kN}, trits.data(), nullptr,
              packed.data());
    const std::string who = subject.group + "_" + to_string(kernel.name);
    const auto [at, fresh] = first.try_emplace(kernel.packing_key, packed, who);
    EXPECT_TRUE(at->second.first == packed) << who << " and " << at->second.second;
  }
}

BuiltinKernel made_up(const char* name, int64_t m_min, int64_t m_max) {
  return {.name = parse_kernel_name(name).value(),
          .packing_key = "t2_r16",
          .form = "rows",
          .m_min = m_min,
          .m_max = m_max,
          .preferred = true,
          .functions = {}};
}

// A level that has a kernel for long prompts only has its parents' for the rest.
TEST(DefaultKernels, AreInheritedClassByClass) {
  const std::vector<BuiltinKernel> all = {
      made_up("gemv_t2_scalar__r16", 1, 1), made_up("small_t2_scalar__r16", 2, kAnyTokens),
      made_up("small_t2_avx2__r16", 2, kAnyTokens), made_up("tiles_t2_avx512__r16", 16, 200)};
  std::vector<std::string> got;
  for (const BuiltinKernel& k : default_kernels(Isa::amx, all))
    got.push_back(fmt::format("{} {}-{}", to_string(k.name), k.m_min, k.m_max));
  EXPECT_EQ(got, (std::vector<std::string>{"gemv_t2_scalar__r16 1-1", "small_t2_avx2__r16 2-15",
                                           "tiles_t2_avx512__r16 16-200",
                                           "small_t2_avx2__r16 201-9223372036854775807"}));
}

TEST(BuiltinSource, AnswersEveryClassWithOnePacking) {
  IsaSet set;
  for (const IsaLevel& level : kIsaLevels) {
    if (!level.architecture.empty() && level.architecture != kArchitecture) continue;
    set = IsaSet();
    set.add(level.isa);
    const auto kernels = make_builtin_source(set)->find({.n = 96, .k = 100});
    ASSERT_TRUE(kernels && !kernels->classes.empty()) << level.name;
    int64_t next = 1;
    for (const ClassKernel& kernel : kernels->classes) {
      EXPECT_EQ(kernel.m_min, next) << level.name;
      EXPECT_EQ(kernel.packing_key, kernels->classes[0].packing_key) << level.name;
      EXPECT_EQ(kernel.sizes.packed_bytes, kernels->classes[0].sizes.packed_bytes) << level.name;
      EXPECT_TRUE(set.has(kernel.name.isa));
      next = kernel.m_max == kAnyTokens ? kAnyTokens : kernel.m_max + 1;
    }
    EXPECT_EQ(next, kAnyTokens) << level.name;
  }
}

TEST(BuiltinSource, RefusesWhatCouldOverflow) {
  const auto found = make_builtin_source(reported_isa())->find({.n = 32, .k = BN_MAX_K + 1});
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().message.ends_with(
      ": qkv 32x131073: K=131073 is above 131072, up to which its sums are exact"))
      << found.error().message;
}

}  // namespace
}  // namespace bitnet
