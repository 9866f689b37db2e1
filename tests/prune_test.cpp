// Pruning by what a kernel's code costs.
#include "tuner/prune.h"

#include <gtest/gtest.h>

namespace bitnet::tuner {
namespace {

// products: of an iteration of its loop; 0 unknown.
Compiled made_up(const std::string& kernel, int distance, int64_t products, double cycles,
                 int spills) {
  BnFacts facts{};
  facts.loop_products = products;
  codegen::Object object;
  object.report = {.code_bytes = 0, .stack_bytes = 0, .spills = spills, .cycles = cycles};
  return {.problem = 0,
          .candidate = {.name = parse_kernel_name(kernel).value(),
                        .packing_key = {},
                        .form = {},
                        .hash = {},
                        .distance = distance},
          .object = std::make_shared<const codegen::Object>(std::move(object)),
          .facts = facts,
          .sizes = {},
          .functions = {}};
}

std::vector<std::string> left_after(Pruner pruner, std::vector<Compiled> kernels, size_t pruned) {
  Compilation compilation;
  compilation.kernels = std::move(kernels);
  pruner.prune(compilation);
  EXPECT_EQ(compilation.doubted.size(), pruned);
  std::vector<std::string> names;
  for (const Compiled& kernel : compilation.kernels)
    names.push_back(to_string(kernel.candidate.name));
  return names;
}

TEST(Prune, DropsWhatCostsFarMoreThanTheLeastOfItsTemplateButNeverTheBuiltIn) {
  // 8 cycles for 32 rows are the least; r16 at the same cycles costs twice as much.
  const std::vector<Compiled> gemv{made_up("gemv_t2_avx512vnni__r16_s4_u1", 1, 256, 8, 0),
                                   made_up("gemv_t2_avx512vnni__r32_s4_u1", 1, 512, 8, 0),
                                   made_up("gemv_t2_avx512vnni__r32_s1_u1", 0, 512, 40, 0),
                                   made_up("gemv_t2_avx2__r16_s2_u1", 1, 256, 60, 0)};
  EXPECT_EQ(left_after(Pruner(1, false), gemv, 1),
            (std::vector<std::string>{"gemv_t2_avx512vnni__r32_s4_u1",
                                      "gemv_t2_avx512vnni__r32_s1_u1", "gemv_t2_avx2__r16_s2_u1"}));
  EXPECT_EQ(left_after(Pruner(1, true), gemv, 0).size(), 4U);  // memory waits for none of them
  // Stack accesses cost something; where nothing is known of a loop, far more of them are too many.
  EXPECT_EQ(left_after(Pruner(2, true),
                       {made_up("small_t2_avxvnni__r16_t16_c5_u1", 0, 1280, 40, 0),
                        made_up("small_t2_avxvnni__r16_t16_c6_u1", 1, 1536, 48, 12),
                        made_up("small_t2_avxvnni__r16_t16_c8_u1", 1, 2048, 62, 150),
                        made_up("batch_t2_avx2__r16_t8_c8_b32_k32_u1", 1, 0, 30, 4),
                        made_up("batch_t2_avx2__r16_t16_c8_b32_k32_u1", 1, 0, 30, 80)},
                       2),
            (std::vector<std::string>{"small_t2_avxvnni__r16_t16_c5_u1",
                                      "small_t2_avxvnni__r16_t16_c6_u1",
                                      "batch_t2_avx2__r16_t8_c8_b32_k32_u1"}));
}

TEST(Prune, OnlyForCpusThatLlvmHasAModelOf) {
  for (const char* cpu : {"znver3", "znver5", "sapphirerapids", "icelake-server", "neoverse-n1"})
    EXPECT_TRUE(codegen::has_cost_model(cpu)) << cpu;
  for (const char* cpu : {"generic", "x86-64", "x86-64-v3", "nocona", ""})
    EXPECT_FALSE(codegen::has_cost_model(cpu)) << cpu;
}

}  // namespace
}  // namespace bitnet::tuner
