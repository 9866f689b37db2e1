// What is worth trying, on made-up machines and for made-up shapes.
#include "tuner/worth.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bitnet::tuner {
namespace {

const codegen::Template kGemv{.kernel = "gemv",
                              .packing = "t2",
                              .form = "rows",
                              .isa = Isa::avx2,
                              .layout = {"r"},
                              .defaults = {{"r", 16}, {"s", 2}, {"u", 2}, {"pf", 4096}, {"ph", 0}},
                              .choices = {{"r", {16, 32, 64}},
                                          {"s", {1, 2}},
                                          {"u", {1, 2, 4}},
                                          {"pf", {0, 1024, 2048, 4096, 8192}},
                                          {"ph", {0, 2}}},
                              .hash = {}};
const codegen::Template kTiles{.kernel = "small",
                               .packing = "t2",
                               .form = "rows",
                               .isa = Isa::avx2,
                               .layout = {"r"},
                               .defaults = {{"r", 16}, {"t", 8}, {"c", 8}, {"k", 0}, {"u", 1}},
                               .choices = {{"r", {16, 32}},
                                           {"t", {8, 16}},
                                           {"c", {2, 4, 6, 8}},
                                           {"k", {0, 1024}},
                                           {"u", {1, 2}}},
                               .hash = {}};
const codegen::Template kTables{.kernel = "lut",
                                .packing = "tl1",
                                .form = "rows",
                                .isa = Isa::avx2,
                                .layout = {"r"},
                                .defaults = {{"r", 32}, {"k", 768}, {"d", 0}},
                                .choices = {{"r", {32, 128}}, {"k", {0, 768, 1536}}, {"d", {0, 1}}},
                                .hash = {}};

const Place kMemory{.cache_bytes = {32 << 10, 512 << 10, 32 << 20}, .weights_in_memory = true};
const Place kCache{.cache_bytes = kMemory.cache_bytes, .weights_in_memory = false};
constexpr Problem kLarge{.n = 6912, .k = 2560};

// The template's defaults, but for these.
KernelName with(const codegen::Template& t,
                const std::vector<std::pair<std::string, int64_t>>& changes) {
  KernelName name{t.kernel, t.packing, t.isa, t.defaults};
  for (const auto& [letter, value] : changes)
    std::ranges::find(name.parameters, letter, [](const auto& p) { return p.first; })->second =
        value;
  return name;
}

std::string reason(const codegen::Template& t,
                   const std::vector<std::pair<std::string, int64_t>>& changes, const Place& place,
                   const Problem& problem, int64_t tokens = 1) {
  return std::string(why_not(t, with(t, changes), place, problem, tokens));
}

TEST(Worth, DefaultsAreNeverJudged) {
  constexpr Problem kTiny{.n = 2, .k = 2};
  for (const codegen::Template* t : {&kGemv, &kTiles, &kTables})
    for (const Place& place : {kMemory, kCache, Place{}})
      EXPECT_EQ(reason(*t, {}, place, kTiny), "") << t->kernel;
}

TEST(Worth, ABlockOfKIsBelowK) {
  constexpr auto kReason = "its block of K is not below K";
  EXPECT_EQ(reason(kTiles, {{"k", 1024}}, {}, {.n = 256, .k = 1024}, 128), kReason);
  EXPECT_EQ(reason(kTiles, {{"k", 1024}}, {}, {.n = 256, .k = 1025}, 128), "");
  // Where the default is a block, all of K has two names: one is enough.
  EXPECT_EQ(reason(kTables, {{"k", 1536}}, {}, {.n = 256, .k = 1024}), kReason);
  EXPECT_EQ(reason(kTables, {{"k", 0}}, {}, {.n = 256, .k = 1024}), "");
  EXPECT_EQ(reason(kTables, {{"k", 0}}, {}, {.n = 256, .k = 768}), kReason);
}

TEST(Worth, ABlockOfKIsForWhatDoesNotFitL1) {
  constexpr Problem kFits{.n = 2048, .k = 1280}, kDoesNot{.n = 2048, .k = 6912};
  EXPECT_EQ(reason(kTiles, {{"k", 1024}}, kMemory, kFits, 128),
            "its activations and panel fit L1 without a block of K");
  EXPECT_EQ(reason(kTiles, {{"k", 1024}}, kMemory, kDoesNot, 128), "");
  EXPECT_EQ(reason(kTiles, {{"k", 1024}}, {}, kFits, 128), "");  // no cache is known
}

TEST(Worth, PanelsAreNotLargerThanTheMatrix) {
  constexpr auto kReason = "its panel has more rows than the matrix";
  EXPECT_EQ(reason(kGemv, {{"r", 64}}, kMemory, {.n = 40, .k = 2560}), kReason);
  EXPECT_EQ(reason(kGemv, {{"r", 64}}, kMemory, {.n = 49, .k = 2560}),
            "its sums want more vector registers than the level has");
  EXPECT_EQ(reason(kTables, {{"r", 128}}, kMemory, {.n = 96, .k = 2560}), kReason);
  EXPECT_EQ(reason(kTables, {{"r", 128}}, kMemory, {.n = 97, .k = 2560}), "");
}

TEST(Worth, SumsFitTheRegisters) {
  constexpr auto kReason = "its sums want more vector registers than the level has";
  EXPECT_EQ(reason(kTiles, {{"t", 16}}, kMemory, kLarge, 128), kReason);  // 2 x 8 of 16
  EXPECT_EQ(reason(kTiles, {{"t", 16}, {"c", 6}}, kMemory, kLarge, 128), "");
  codegen::Template wide = kTiles;
  wide.isa = Isa::avx512vnni;
  EXPECT_EQ(reason(wide, {{"t", 16}}, kMemory, kLarge, 128), "");
  EXPECT_EQ(reason(kGemv, {{"r", 32}}, kMemory, kLarge), "");  // 4 x 2
  EXPECT_EQ(reason(kGemv, {{"r", 64}}, kMemory, kLarge), kReason);
}

TEST(Worth, TablesFitL2) {
  const Place small{.cache_bytes = {32 << 10, 128 << 10}};
  EXPECT_EQ(reason(kTables, {{"k", 0}, {"d", 1}}, small, {.n = 256, .k = 6912}),
            "its tables do not fit L2");
  EXPECT_EQ(reason(kTables, {{"k", 1536}, {"d", 1}}, small, {.n = 256, .k = 6912}), "");
}

TEST(Worth, PrefetchingIsForStreamsFromMemory) {
  constexpr auto kFromCache = "it prefetches what comes from a cache";
  for (const auto& style : {std::pair("pf", 1024), std::pair("ph", 2)}) {
    EXPECT_EQ(reason(kGemv, {style}, kMemory, kLarge), "");
    EXPECT_EQ(reason(kGemv, {style}, kCache, kLarge), kFromCache);
  }
  EXPECT_EQ(reason(kGemv, {{"pf", 0}}, kCache, kLarge), "");
  EXPECT_EQ(reason(kGemv, {{"pf", 0}, {"ph", 2}}, kMemory, {.n = 256, .k = 128}),
            "it prefetches where a thread's weights are soon over");  // 8 KB
  Place two = kMemory;
  two.threads = 2;
  EXPECT_EQ(reason(kGemv, {{"ph", 2}}, kMemory, {.n = 512, .k = 128}), "");  // 16 KB, 4 pages
  EXPECT_NE(reason(kGemv, {{"ph", 2}}, two, {.n = 512, .k = 128}), "");
}

TEST(Worth, ABatchIsNotLargerThanTheEvaluation) {
  EXPECT_EQ(reason(kTiles, {{"c", 6}}, kMemory, kLarge, 4),
            "it takes more tokens at once than there are");
}

TEST(Worth, TheStyleOfPrefetchingIsOneDecisionAndComesFirstFromMemory) {
  EXPECT_EQ(decisions_changed(kGemv, with(kGemv, {{"pf", 0}, {"ph", 2}})), 1);
  EXPECT_EQ(decisions_changed(kGemv, with(kGemv, {{"pf", 0}, {"u", 4}})), 2);
  const auto at = [](const Place& place, int64_t tokens,
                     const std::vector<std::pair<std::string, int64_t>>& changes) {
    return turn(kGemv, with(kGemv, changes), place, tokens);
  };
  EXPECT_LT(at(kMemory, 1, {{"pf", 0}, {"ph", 2}}), at(kMemory, 1, {{"u", 4}}));
  EXPECT_GT(at(kMemory, 128, {{"pf", 0}}), at(kMemory, 128, {{"u", 4}}));
  EXPECT_GT(at(kCache, 1, {{"pf", 0}}), at(kCache, 1, {{"u", 4}}));
  EXPECT_LT(at(kMemory, 1, {{"pf", 2048}}), at(kMemory, 1, {{"pf", 1024}}));  // the nearer
  EXPECT_LT(at(kMemory, 1, {{"r", 32}}), at(kMemory, 1, {{"r", 64}}));
}

}  // namespace
}  // namespace bitnet::tuner
