// A cache that is written over an older one: plans for other thread counts stay, but only with the
// very code that they were measured with. New code may want larger buffers than an old plan says.
#include "tuner/plan_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "runtime/kernel/cache.h"
#include "runtime/kernel/cache_elf.h"

namespace bitnet::tuner {
namespace {

const Problem kProblem{
    .kind = ProblemKind::output, .n = 256, .k = 768, .epilogue = BN_SCALED_ADD, .count = 4};
const std::vector<Problem> kProblems{kProblem};

class PlanCache : public testing::Test {
 protected:
  // A plan with one kernel of the level that every CPU has, whatever its speed.
  static Compiled compiled(const codegen::Object& object) {
    BnSizes sizes{};
    sizes.packed_bytes = 256 * 768 / 4;
    sizes.form_group_tokens = sizes.row_step = sizes.token_step = 1;
    sizes.form_group_bytes = 768;
    sizes.exact_k = BN_MAX_K;
    return {.problem = 0,
            .candidate = {.name = object.spec.name,
                          .packing_key = "t2_r16",
                          .form = "rows",
                          .hash = {}},
            .object = std::make_shared<const codegen::Object>(object),
            .sizes = sizes};
  }
  static codegen::Object object() {
    const auto& all = codegen::templates();
    const auto t = std::ranges::find_if(all, [](const codegen::Template& each) {
      return each.isa == Isa::scalar && each.m_min == 1;
    });
    KernelName name{
        .kernel = t->kernel, .packing = t->packing, .isa = t->isa, .parameters = t->defaults};
    return codegen::specialise(
               {.name = name, .n = kProblem.n, .k = kProblem.k, .group = kProblem.group})
        .value();
  }
  static std::vector<std::byte> write(int threads, std::span<const std::byte> previous,
                                      std::vector<std::string>& notices) {
    const Compiled kernel = compiled(object());
    const Plan plan{.threads = threads,
                    .problems = kProblems,
                    .classes = {{.m_min = 1, .m_max = kAnyTokens}},
                    .entries = {{{.kernel = &kernel}}}};
    auto linked = link_plan(plan, {}, {}, kProblems, previous, notices);
    EXPECT_TRUE(linked) << linked.error().message;
    return std::move(linked).value();
  }
  static Manifest manifest_of(std::span<const std::byte> file) {
    return vet_cache(file, {}, shape_digest(kProblems)).value();
  }
  // The file as an earlier version of the tool would have written it.
  static void make_older(std::vector<std::byte>& file) {
    const ElfLayout layout = vet_elf(file, kArchitecture).value();
    auto* const json = reinterpret_cast<char*>(file.data() + layout.note_offset);
    const std::string_view text(json, layout.note_bytes);
    const Manifest manifest = manifest_of(file);
    const std::string& hash = manifest.kernels.front().template_hash;
    json[text.find(hash)] ^= 1;
    const size_t digest = text.find(manifest.digest);
    std::memset(json + digest, '0', 32);
    const std::string renewed = cache_digest(file, layout.note_offset + digest);
    std::memcpy(json + digest, renewed.data(), renewed.size());
  }
};

TEST_F(PlanCache, PlansOfOtherThreadCountsAreKept) {
  std::vector<std::string> notices;
  const auto two = write(2, {}, notices);
  const Manifest both = manifest_of(write(1, two, notices));
  EXPECT_TRUE(notices.empty()) << notices.front();
  ASSERT_EQ(both.plans.size(), 2U);
  EXPECT_EQ(both.plans[0].threads, 1);
  EXPECT_EQ(both.plans[1].threads, 2);
  EXPECT_EQ(both.kernels.size(), 1U);  // the same kernel of the same shape
}

TEST_F(PlanCache, APlanForTheSameThreadsIsReplaced) {
  std::vector<std::string> notices;
  const Manifest one = manifest_of(write(2, write(2, {}, notices), notices));
  EXPECT_EQ(one.plans.size(), 1U);
  EXPECT_TRUE(notices.empty());
}

TEST_F(PlanCache, APlanOfOlderCodeIsDroppedWithANotice) {
  std::vector<std::string> notices;
  auto old = write(2, {}, notices);
  make_older(old);
  ASSERT_EQ(manifest_of(old).plans.size(), 1U);  // as a runtime it would still be loaded
  const Manifest now = manifest_of(write(1, old, notices));
  ASSERT_EQ(now.plans.size(), 1U);
  EXPECT_EQ(now.plans[0].threads, 1);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_TRUE(notices[0].starts_with("the plan for 2 threads is dropped: ")) << notices[0];
  EXPECT_TRUE(notices[0].ends_with(" has changed since")) << notices[0];
}

TEST_F(PlanCache, WhatIsNoCacheIsReplacedWithANotice) {
  std::vector<std::string> notices;
  const std::vector<std::byte> garbage(1000, std::byte{7});
  EXPECT_EQ(manifest_of(write(1, garbage, notices)).plans.size(), 1U);
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_TRUE(notices[0].starts_with("the old cache is replaced: ")) << notices[0];
}

}  // namespace
}  // namespace bitnet::tuner
