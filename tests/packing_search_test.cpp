// What the search over packings tries: every packing of the catalogue can win and is timed at every
// preset, and what is not timed has a row that says why.
#include <gtest/gtest.h>

#include <tuple>

#include "tests/made_up_search.h"

namespace bitnet::tuner {
namespace {

class EveryLevel : public testing::TestWithParam<Isa> {};

TEST_P(EveryLevel, EveryPackingOfTheCatalogueCanWin) {
  const SearchInput input = few_of_each_packing(input_for(GetParam()));
  const std::vector<std::string> keys = whole_packings(input);
  std::set<std::string> families;
  for (const std::string& key : keys) {
    families.insert(key.substr(0, key.find('_')));
    const SearchResult result = search(input, {.truth = [&](const Candidate& c, size_t, size_t) {
                                         return c.packing_key == key ? 0.6 : 1.0;
                                       }});
    for (const ProblemChoice& choice : result.choices)
      EXPECT_EQ(packings_of(choice), std::vector<std::string>(2, key)) << key;
  }
  EXPECT_EQ(families, (std::set<std::string>{"t2", "tl1", "tl2"}));
}

TEST_P(EveryLevel, AtEveryPresetEveryFamilyOfPackingsIsTimed) {
  for (const char* preset : {"quick", "normal", "thorough"}) {
    const SearchResult result = search(input_for(GetParam(), preset), {});
    std::map<std::string, int> timed;  // by family and class
    for (const PackingRow& row : result.table)
      if (!row.kernel.empty())
        ++timed[row.packing.substr(0, row.packing.find('_')) + std::to_string(row.token_class)];
    for (const char* family : {"t20", "t21", "tl10", "tl11", "tl20", "tl21"})
      EXPECT_GT(timed[family], 0) << preset << " " << family;
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, EveryLevel, testing::ValuesIn(searched_levels()),
                         [](const auto& info) { return std::string(name(info.param)); });

TEST(PackingSearch, NothingLeavesItWithoutAWord) {
  const SearchInput input = input_for(searched_levels().back(), "normal");
  const std::vector<std::string> keys = whole_packings(input);
  ASSERT_GE(keys.size(), 3U);
  const SearchResult result = search(input, {.does_not_fit = keys[1], .no_memory = keys[2]});
  std::set<std::pair<std::string, size_t>> mentioned;
  for (const PackingRow& row : result.table) {
    mentioned.emplace(row.packing, row.token_class);
    EXPECT_NE(row.kernel.empty(), row.reason.empty()) << row.packing;
    if (row.packing == keys[1]) EXPECT_TRUE(row.reason.ends_with("made not to fit")) << row.reason;
    if (row.packing == keys[2]) EXPECT_EQ(row.reason, "not enough memory, made up");
  }
  for (size_t c = 0; c < input.candidates.size(); ++c)
    for (const Candidate& candidate : input.candidates[c].kept)
      EXPECT_TRUE(mentioned.contains({candidate.packing_key, c})) << candidate.packing_key;
}

// A packing for one token only is named for the other class, too.
TEST(PackingSearch, APackingWithoutKernelsForAClassSaysSo) {
  SearchInput input = input_for(searched_levels().back(), "normal");
  const std::string key = whole_packings(input).back();
  std::erase_if(input.candidates[1].kept, [&](const Candidate& c) { return c.packing_key == key; });
  const SearchResult result = search(input, {});
  const auto row = std::ranges::find_if(
      result.table, [&](const PackingRow& r) { return r.packing == key && r.token_class == 1; });
  ASSERT_NE(row, result.table.end());
  EXPECT_TRUE(row->reason.starts_with("no candidate of " + key)) << row->reason;
}

// Panels of more rows than a matrix are left out: for one problem, and for all of them.
TEST(PackingSearch, APackingThatCannotMatterIsNamedWithTheReason) {
  SearchInput input = input_for(searched_levels().front(), "normal");
  for (Candidates& of_class : input.candidates) {
    of_class.none_left.push_back({.packing_key = "t2_r999", .problem = 1, .reason = "made up"});
    const std::string key = of_class.kept.back().packing_key;
    std::erase_if(of_class.kept, [&](const Candidate& c) { return c.packing_key == key; });
    for (size_t p = 0; p < input.problems.size(); ++p)
      of_class.none_left.push_back({.packing_key = key, .problem = p, .reason = "made up, too"});
    for (Candidate& c : of_class.kept) c.problems = {0};
  }
  const SearchResult result = search(input, {});
  std::set<std::tuple<std::string, size_t, size_t>> named;
  for (const PackingRow& row : result.table) {
    EXPECT_TRUE(named.emplace(row.packing, row.problem, row.token_class).second) << row.packing;
    EXPECT_NE(row.kernel.empty(), row.reason.empty()) << row.packing;
    EXPECT_EQ(row.reason.empty(), row.problem == 0 && !row.reason.starts_with("left out"));
  }
  for (size_t c = 0; c < input.classes.size(); ++c)
    for (const Candidates::NoneLeft& none : input.candidates[c].none_left)
      EXPECT_TRUE(named.contains({none.packing_key, none.problem, c})) << none.packing_key;
}

TEST(PackingSearch, AWrongKernelIsRefusedAndSaid) {
  class WithAWrongOne final : public Workbench {
   public:
    explicit WithAWrongOne(MadeUp& inner) : inner_(inner) {}
    std::unique_ptr<Compilation> compile(size_t c, std::span<const CompileJob> jobs,
                                         double seconds) override {
      auto made = inner_.compile(c, jobs, seconds);
      made->wrong = 1;
      made->refused.push_back("some kernel: computes wrongly");
      return made;
    }
    Result<std::unique_ptr<Bench>> bench(size_t c, std::span<const Compiled> k) override {
      return inner_.bench(c, k);
    }
    double seconds_left() const override { return inner_.seconds_left(); }
    bool stopped() const override { return inner_.stopped(); }

   private:
    MadeUp& inner_;
  };
  const SearchInput input = input_for(searched_levels().back(), "quick");
  MadeUp inner({}, input.problems.size());
  WithAWrongOne workbench(inner);
  SilentListener quiet;
  const SearchResult result = search_packings(input, workbench, quiet);
  EXPECT_GT(result.wrong, 0);
  EXPECT_EQ(result.refused.front(), "some kernel: computes wrongly");
  EXPECT_FALSE(result.choices.front().classes.empty());
}

}  // namespace
}  // namespace bitnet::tuner
