#include <gtest/gtest.h>

#include "runtime/kernel/kernel.h"

namespace bitnet {
namespace {

TEST(KernelName, PrintsItsGrammar) {
  const KernelName name{
      "gemv", "t2", Isa::avx512vnni, {{"r", 32}, {"k", 512}, {"u", 2}, {"pf", 2048}}};
  EXPECT_EQ(to_string(name), "gemv_t2_avx512vnni__r32_k512_u2_pf2048");
  EXPECT_EQ(name.parameter("pf"), 2048);
  EXPECT_EQ(name.parameter("s"), std::nullopt);
}

TEST(KernelName, ParsesWhatItPrints) {
  for (const char* text :
       {"gemv_t2_avx512vnni__r32_k512_u2_pf2048", "lut_tl2_neon__r16", "small_t2_scalar__r32_c8"}) {
    const auto name = parse_kernel_name(text);
    ASSERT_TRUE(name.has_value()) << name.error().message;
    EXPECT_EQ(to_string(*name), text);
  }
}

TEST(KernelName, RefusesEverythingElse) {
  for (const char* text :
       {"", "gemv", "gemv_t2_avx2", "gemv_t2__r32", "gemv_t2_avx2__", "gemv_t2_avx2__r",
        "gemv_t2_avx2__32", "gemv_t2_avx2__r-1", "gemv_t2_avx2__r32_", "gemv_t2_avx2__R32",
        "gemv_t2_avx2__r3 2", "gemv_t2_mmx__r32", "_t2_avx2__r32", "gemv__avx2__r32",
        "gemv_t2_avx2__r99999999999999999999"}) {
    const auto name = parse_kernel_name(text);
    ASSERT_FALSE(name.has_value()) << text;
    EXPECT_NE(name.error().message.find("kernel name"), std::string::npos);
  }
}

}  // namespace
}  // namespace bitnet
