// A packing that nothing but its kernels knows goes all the way: bitcode of the tests' b8
// instances, specialised, linked into a cache, vetted and loaded by the runtime, gives the built-in
// kernels' logits bit for bit, for one token and for many.
#include <unistd.h>

#include <bit>
#include <filesystem>
#include <fstream>

#include "runtime/kernel/fits.h"
#include "runtime/model/model_file.h"
#include "runtime/session.h"
#include "tests/codegen/fixture.h"
#include "tests/small_models.h"

namespace bitnet::codegen {
namespace {

struct Class {
  int64_t m_min, m_max;
  const char* kernel;
};
constexpr Class kClasses[] = {{1, 1, "gemv_b8_scalar__r16_s1_u1_pf0_ph0"},
                              {2, kAnyTokens, "small_b8_scalar__r16_t8_c2_k0_u1_pf0"}};

// Objects and the manifest of a plan for the problems, each kernel with their shapes as constants.
class PlanOfTests {
 public:
  explicit PlanOfTests(const std::vector<Problem>& problems) {
    manifest_.tool_version = "test";
    manifest_.shapes = shape_digest(problems);
    manifest_.machine = leaf_machine();
    PlanRecord plan{.threads = 1, .objective = "balanced", .problems = {}};
    for (const Problem& problem : problems) {
      ProblemRecord record{.problem = problem, .classes = {}};
      for (const Class& c : kClasses)
        record.classes.push_back({.m_min = c.m_min, .m_max = c.m_max, .kernel = add(c, problem)});
      plan.problems.push_back(std::move(record));
    }
    manifest_.plans.push_back(std::move(plan));
  }

  std::vector<std::byte> link() const {
    auto bytes = link_cache(objects_, manifest_);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes.value();
  }

 private:
  // The index of the kernel.
  int add(const Class& c, const Problem& problem) {
    const Spec spec{.name = parse_kernel_name(c.kernel).value(), .n = problem.n, .k = problem.k};
    for (size_t i = 0; i < objects_.size(); ++i)
      if (symbol_prefix(objects_[i].spec) == symbol_prefix(spec)) return static_cast<int>(i);
    auto object = specialise_bitcode(fixture_bitcode(c.kernel), spec);
    EXPECT_TRUE(object) << object.error().message;
    const KernelFunctions functions = jit_->load(*object).value();
    BnFacts facts{};
    functions.facts(&facts);
    EXPECT_TRUE(fits(c.kernel, facts));
    EXPECT_EQ(facts.tokens_min, c.m_min);
    EXPECT_EQ(facts.layout[0], 16);
    KernelRecord record{
        .name = c.kernel, .packing_key = "b8_r16", .form = "rows", .symbol_prefix = {}};
    functions.sizes(problem.n, problem.k, &record.sizes);
    EXPECT_GE(record.sizes.packed_bytes, problem.n * problem.k) << "a byte a weight";
    manifest_.kernels.push_back(std::move(record));
    objects_.push_back(std::move(*object));
    return static_cast<int>(objects_.size()) - 1;
  }

  std::unique_ptr<Jit> jit_ = Jit::create().value();
  std::vector<Object> objects_;
  Manifest manifest_;
};

// All logits of some tokens, evaluated together and then one by one.
std::vector<uint32_t> logits_of(Model& model) {
  Sequence sequence = model.sequence(40).value();
  std::vector<uint32_t> bits;
  const auto evaluate = [&](int32_t first, int32_t count) {
    std::vector<TokenRequest> requests;
    for (int32_t token = first; token < first + count; ++token)
      requests.push_back(
          {.sequence = &sequence, .token = token, .want = {.kind = Want::Kind::all, .k = 1}});
    for (const TokenResult& result : model.evaluate(requests).value())
      for (const float logit : result.all) bits.push_back(std::bit_cast<uint32_t>(logit));
  };
  evaluate(1, 17);
  evaluate(20, 1);
  evaluate(30, 1);
  return bits;
}

TEST(AnotherPacking, GoesThroughCacheAndRuntimeToTheSameLogits) {
  const std::string path = small_model_files().path(kSmallModels[0]);
  const auto problems = problems_of(ModelFile::open(path).value().hparams.linear_shapes());
  const std::filesystem::path cache =
      std::filesystem::temp_directory_path() / fmt::format("bitnet-packing-{}.kc", getpid());
  const std::vector<std::byte> bytes = PlanOfTests(problems).link();
  std::ofstream(cache, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  std::filesystem::permissions(cache, std::filesystem::perms::owner_read);

  ModelOptions options;
  options.threads = 1;
  options.kernels = KernelChoice::builtin;
  Model builtin = Model::load(path, options).value();
  options.kernels = KernelChoice::automatic;
  options.cache_path = cache;
  Model cached = Model::load(path, options).value();
  std::filesystem::remove(cache);
  EXPECT_TRUE(cached.kernels_in_use().starts_with("tuned kernels of ")) << cached.kernels_in_use();
  EXPECT_EQ(logits_of(cached), logits_of(builtin));
}

}  // namespace
}  // namespace bitnet::codegen
