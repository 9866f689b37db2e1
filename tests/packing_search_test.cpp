// The search with a made-up machine: it reads no clock, so times, noise, budgets and interruptions
// are what the test says, and every packing of the catalogue can be shown to win.
#include "tuner/packing_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "runtime/kernel/cache.h"

namespace bitnet::tuner {
namespace {

// What a kernel takes, over the built-in one's time; the problem is an index.
using Truth = std::function<double(const Candidate& candidate, size_t problem, size_t c)>;

struct World {
  Truth truth = [](const Candidate&, size_t, size_t) { return 1.0; };
  double noise = 0.002, disturbed = 0;  // of a ratio; share of samples disturbed
  double seconds = 1e9;                 // of the budget
  double compile_seconds = 0, sample_seconds = 0;
  int stop_after = -1;           // calls of anything; < 0: never
  std::string does_not_fit{};    // a packing all of whose kernels are refused
  std::string no_memory{};       // a packing that cannot be packed
  double slower_each_bench = 1;  // times, of the built-in kernels' times
  double drift = 0;              // of the built-in kernels' times, a sample
  unsigned seed = 11;
  std::function<bool(const Candidate&)> doubted{};  // by their code
};

class MadeUpBench;

class MadeUp final : public Workbench {
 public:
  MadeUp(World world, size_t problems)
      : world_(std::move(world)), problems_(problems), random_(world_.seed) {}

  std::unique_ptr<Compilation> compile(size_t c, std::span<const CompileJob> jobs,
                                       double seconds) override {
    auto made = std::make_unique<Compilation>();
    const double begin = spent_;
    for (size_t i = 0; i < jobs.size() && (i == 0 || (spent_ - begin <= seconds && !stopped()));
         ++i) {
      spend(world_.compile_seconds);
      const Candidate& candidate = jobs[i].candidate;
      compiled_.insert(to_string(candidate.name));
      if (candidate.packing_key == world_.does_not_fit) {
        made->refused.push_back(to_string(candidate.name) + ": made not to fit");
        continue;
      }
      for (size_t p : jobs[i].problems) {
        const bool doubted =
            world_.doubted && candidate.complexity > 0 && world_.doubted(candidate);
        Compiled& kernel = (doubted ? made->doubted : made->kernels).emplace_back();
        kernel.problem = p;
        kernel.candidate = candidate;
        kernel.sizes.packed_bytes = 1000;
        class_of_[&*made].push_back(c);
      }
    }
    return made;
  }
  Result<std::unique_ptr<Bench>> bench(size_t c, std::span<const Compiled> kernels) override;
  double seconds_left() const override { return world_.seconds - spent_; }
  bool stopped() const override { return world_.stop_after >= 0 && calls_ > world_.stop_after; }

  void spend(double seconds) {
    spent_ += seconds;
    ++calls_;
  }
  double spent() const { return spent_; }
  const World& world() const { return world_; }
  size_t problems() const { return problems_; }
  std::mt19937& random() { return random_; }
  double slow_down() { return slowness_ *= world_.slower_each_bench; }

 private:
  World world_;
  size_t problems_;
  std::mt19937 random_;
  double spent_ = 0, slowness_ = 1;
  int calls_ = 0;
  std::set<std::string> compiled_;
  std::map<const Compilation*, std::vector<size_t>> class_of_;
};

class MadeUpBench final : public Bench {
 public:
  MadeUpBench(MadeUp& owner, size_t c) : owner_(owner), c_(c), drifted_(owner.slow_down()) {}
  Sample ratios(std::span<const Compiled* const> arms) override {
    const World& world = owner_.world();
    owner_.spend(world.sample_seconds);
    ++count_.all;
    std::normal_distribution<double> noise(1, world.noise);
    std::vector<double> out;
    for (size_t p = 0; p < arms.size(); ++p)
      out.push_back(arms[p] ? world.truth(arms[p]->candidate, p, c_) * noise(owner_.random())
                            : 1.0);
    drifted_ *= 1 + world.drift;
    const bool quiet =
        std::uniform_real_distribution<double>(0, 1)(owner_.random()) >= world.disturbed;
    count_.disturbed += !quiet;
    return {out, quiet};
  }
  std::vector<double> builtin_seconds() const override {
    return std::vector<double>(owner_.problems(), (c_ == 0 ? 1e-3 : 64e-3) * drifted_);
  }
  SampleCount count() const override { return count_; }

 private:
  MadeUp& owner_;
  size_t c_;
  double drifted_;
  SampleCount count_;
};

Result<std::unique_ptr<Bench>> MadeUp::bench(size_t c, std::span<const Compiled> kernels) {
  if (kernels.front().candidate.packing_key == world_.no_memory)
    return fail(Error::Kind::io, "not enough memory, made up");
  return std::make_unique<MadeUpBench>(*this, c);
}

const std::vector<Problem> kProblems{
    {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 4},
    {.kind = ProblemKind::down, .n = 256, .k = 512, .epilogue = BN_SCALED_ADD, .count = 4}};

// Levels of this architecture that have templates, whatever this CPU is: candidates are only names.
std::vector<Isa> searched_levels() {
  std::vector<Isa> levels;
  for (const codegen::Template& t : codegen::templates()) {
    const IsaLevel& level = level_of(t.isa);
    const bool here = level.architecture.empty() || level.architecture == kArchitecture;
    if (here && std::ranges::find(levels, t.isa) == levels.end()) levels.push_back(t.isa);
  }
  return levels;
}

SearchInput input_for(Isa level, const std::string& preset = "exhaustive",
                      const Place& place = {}) {
  IsaSet isa;
  isa.add(level);
  const auto source = make_builtin_source(isa);
  SearchInput input{.problems = kProblems,
                    .builtin = {},
                    .classes = {kBalanced.begin(), kBalanced.end()},
                    .candidates = {},
                    .preset = find_preset(preset).value(),
                    .bytes_allowed = int64_t{1} << 40,
                    .key = {},
                    .remember = [](std::span<const Record>) {}};
  for (const Problem& problem : kProblems) input.builtin.push_back(source->find(problem).value());
  const auto levels = search_levels(isa, codegen::templates());
  for (const TokenClass& c : input.classes)
    input.candidates.push_back(candidates(codegen::templates(), levels, c,
                                          class_of(input.builtin.front(), c.timed).name,
                                          input.preset.candidates, place, input.problems));
  return input;
}

SearchResult search(const SearchInput& input, World world, double* spent = nullptr) {
  MadeUp workbench(std::move(world), input.problems.size());
  SilentListener quiet;
  SearchResult result = search_packings(input, workbench, quiet);
  if (spent != nullptr) *spent = workbench.spent();
  return result;
}

std::vector<std::string> packings_of(const ProblemChoice& choice) {
  std::vector<std::string> keys;
  for (const Compiled* kernel : choice.classes) keys.push_back(kernel->candidate.packing_key);
  return keys;
}

// Packings that have candidates for every class.
std::vector<std::string> whole_packings(const SearchInput& input) {
  std::vector<std::string> keys;
  for (const Candidate& c : input.candidates.front().kept) {
    const bool everywhere = std::ranges::all_of(input.candidates, [&](const Candidates& of_class) {
      return std::ranges::find(of_class.kept, c.packing_key, &Candidate::packing_key) !=
             of_class.kept.end();
    });
    if (everywhere && std::ranges::find(keys, c.packing_key) == keys.end())
      keys.push_back(c.packing_key);
  }
  return keys;
}

// The nearest three of each packing and class: enough to choose among packings, and quick.
SearchInput few_of_each_packing(SearchInput input) {
  for (Candidates& of_class : input.candidates) {
    std::map<std::string, int> seen;
    std::erase_if(of_class.kept, [&](const Candidate& c) { return ++seen[c.packing_key] > 3; });
  }
  return input;
}

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

TEST(Candidates, WhatCannotMatterIsLeftOutWithACountAndEveryPackingKeepsItsPlace) {
  const SearchInput all = input_for(searched_levels().back());
  const SearchInput in_cache =
      input_for(searched_levels().back(), "exhaustive",
                {.cache_bytes = {32 << 10, 1 << 20}, .weights_in_memory = false, .threads = 1});
  for (size_t c = 0; c < all.classes.size(); ++c) {
    EXPECT_LT(in_cache.candidates[c].kept.size(), all.candidates[c].kept.size());
    int pairs = 0, kept = 0;
    for (const auto& [reason, count] : in_cache.candidates[c].left_out) pairs += count;
    for (const Candidate& candidate : in_cache.candidates[c].kept)
      kept += static_cast<int>(candidate.problems.size());
    int whole = pairs + kept;
    EXPECT_EQ(whole % static_cast<int>(kProblems.size()), 0);
    EXPECT_EQ(in_cache.candidates[c].kept.front().complexity, 0);
  }
  EXPECT_EQ(whole_packings(in_cache), whole_packings(all));
}

TEST(PackingSearch, TwoPackingsWhereDecodingAndPromptsDiffer) {
  const SearchInput input = few_of_each_packing(input_for(searched_levels().back()));
  const std::string builtin = class_of(input.builtin.front(), 1).packing_key;
  const auto keys = whole_packings(input);
  const std::string other =
      *std::ranges::find_if(keys, [&](const auto& k) { return k != builtin; });
  // 1 + 4 weighted milliseconds are 5; decoding at d makes it d + 4.
  const auto choice_at = [&](double d) {
    return packings_of(
        search(input, {.truth =
                           [&](const Candidate& c, size_t, size_t of_class) {
                             return c.packing_key != other ? 1.0 : of_class == 0 ? d : 1.5;
                           }})
            .choices.front());
  };
  EXPECT_EQ(choice_at(0.45)[0], other);  // 11 %
  EXPECT_NE(choice_at(0.45)[1], other);
  EXPECT_EQ(choice_at(0.55), (std::vector<std::string>{builtin, builtin}));  // 9 %
  SearchInput no_room = input;
  no_room.bytes_allowed = 2 * 4000;  // two problems of four layers, once
  const SearchResult one =
      search(no_room, {.truth = [&](const Candidate& c, size_t, size_t of_class) {
               return c.packing_key != other ? 1.0 : of_class == 0 ? 0.3 : 1.5;
             }});
  for (const ProblemChoice& choice : one.choices)
    EXPECT_EQ(packings_of(choice), (std::vector<std::string>{builtin, builtin}));
}

// Room for one second packing: the first problem takes it.
TEST(PackingSearch, MemoryIsSharedByAllProblems) {
  SearchInput input = few_of_each_packing(input_for(searched_levels().back()));
  const std::string builtin = class_of(input.builtin.front(), 1).packing_key;
  input.bytes_allowed = 3 * 4000;
  const SearchResult result =
      search(input, {.truth = [&](const Candidate& c, size_t, size_t of_class) {
               return c.packing_key == builtin ? 1.0 : of_class == 0 ? 0.3 : 1.5;
             }});
  EXPECT_NE(result.choices[0].classes[0]->candidate.packing_key, builtin);
  EXPECT_EQ(result.choices[0].classes[1]->candidate.packing_key, builtin);
  EXPECT_EQ(packings_of(result.choices[1]), (std::vector<std::string>{builtin, builtin}));
}

TEST(PackingSearch, ProblemsChooseForThemselves) {
  const SearchInput input = few_of_each_packing(input_for(searched_levels().back()));
  const auto keys = whole_packings(input);
  const SearchResult result = search(input, {.truth = [&](const Candidate& c, size_t p, size_t) {
                                       return c.packing_key == keys[p + 1] ? 0.7 : 1.0;
                                     }});
  for (size_t p = 0; p < 2; ++p)
    EXPECT_EQ(packings_of(result.choices[p]), std::vector<std::string>(2, keys[p + 1]));
}

// Of some hundred equals, packings and candidates, one looks better by two errors in a third of the
// searches (a quarter before gemv had page heads); none where the noise is below what counts as
// equal.
TEST(PackingSearch, TiesKeepTheBuiltInKernels) {
  const SearchInput input = input_for(searched_levels().back(), "normal");
  for (const auto& [noise, least] : {std::pair(0.002, 1.0), std::pair(0.02, 0.5)}) {
    int kept = 0, all = 0;
    for (unsigned seed = 1; seed <= 25; ++seed)
      for (const ProblemChoice& choice : search(input, {.noise = noise, .seed = seed}).choices)
        for (size_t c = 0; c < choice.classes.size(); ++c, ++all)
          kept += choice.classes[c]->candidate.name ==
                  class_of(input.builtin.front(), input.classes[c].timed).name;
    EXPECT_GE(kept, least * all) << "noise " << noise << ": kept " << kept << " of " << all;
  }
}

// Packings are timed minutes apart; what is four times slower by then is no worse a packing.
TEST(PackingSearch, ASlowerMachineLaterChangesNoChoice) {
  const SearchInput input = input_for(searched_levels().back(), "normal");
  const std::string key = whole_packings(input).back();
  const SearchResult result =
      search(input, {.truth = [&](const Candidate& c, size_t,
                                  size_t) { return c.packing_key == key ? 0.8 : 1.0; },
                     .slower_each_bench = 1.5});
  EXPECT_EQ(packings_of(result.choices[0]), std::vector<std::string>(2, key));
}

// Both sides of a round drift together, so ratios stay.
TEST(PackingSearch, DriftChangesNoChoice) {
  const SearchInput input = input_for(searched_levels().back(), "normal");
  const std::string key = whole_packings(input).back();
  const SearchResult result =
      search(input, {.truth = [&](const Candidate& c, size_t,
                                  size_t) { return c.packing_key == key ? 0.9 : 1.0; },
                     .drift = 0.01});
  EXPECT_EQ(packings_of(result.choices[0]), std::vector<std::string>(2, key));
}

// Disturbance costs certainty, and no packing its time.
TEST(PackingSearch, FindsTheBestThoughEverySampleIsDisturbed) {
  const SearchInput input = input_for(searched_levels().back(), "quick");
  const std::string key = whole_packings(input).back();
  const SearchResult result =
      search(input, {.truth = [&](const Candidate& c, size_t,
                                  size_t) { return c.packing_key == key ? 0.8 : 1.0; },
                     .disturbed = 1});
  EXPECT_EQ(result.samples.all, result.samples.disturbed);
  EXPECT_EQ(packings_of(result.choices[0]), std::vector<std::string>(2, key));
  for (const PackingRow& row : result.table) EXPECT_FALSE(row.kernel.empty()) << row.reason;
}

TEST(PackingSearch, KeepsItsBudget) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  for (const double seconds : {20.0, 60.0, 300.0}) {
    double spent = 0;
    const SearchResult result = search(
        input, {.seconds = seconds, .compile_seconds = 0.05, .sample_seconds = 0.02}, &spent);
    EXPECT_LE(spent, 1.1 * seconds);
    EXPECT_FALSE(result.choices.front().classes.empty());
  }
}

// What the search timed of the doubted kernels of each problem, packing and class.
std::map<std::string, std::set<std::string>> doubted_timed(SearchInput input, const World& world,
                                                           SearchResult* result) {
  std::map<std::string, std::set<std::string>> timed;
  input.remember = [&](std::span<const Record> records) {
    for (const Record& r : records) {
      const Candidate candidate{.name = parse_kernel_name(r.key.kernel).value(),
                                .packing_key = packing_key(parse_kernel_name(r.key.kernel).value()),
                                .form = {},
                                .hash = {}};
      if (world.doubted(candidate))
        timed[fmt::format("{} {} {}", candidate.packing_key, describe(r.key.problem), r.key.m_min)]
            .insert(r.key.kernel);
    }
  };
  *result = search(input, world);
  return timed;
}

bool is_doubted(const Candidate& c) { return c.name.parameter("u").value_or(0) > 1; }

TEST(PackingSearch, WhatIsDoubtedIsPrunedWhereASampleAgrees) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  SearchResult result;
  const auto timed = doubted_timed(
      input,
      {.truth = [](const Candidate& c, size_t, size_t) { return is_doubted(c) ? 1.4 : 1.0; },
       .doubted = is_doubted},
      &result);
  EXPECT_FALSE(timed.empty());
  for (const auto& [unit, kernels] : timed) EXPECT_LE(kernels.size(), 2U) << unit;
  EXPECT_GT(result.pruned[0], 0);
}

TEST(PackingSearch, NothingIsPrunedWhereTheSampleIsNotSlower) {
  const SearchInput input = input_for(searched_levels().back(), "thorough");
  SearchResult result;
  const auto timed = doubted_timed(
      input,
      {.truth = [](const Candidate& c, size_t, size_t) { return is_doubted(c) ? 0.6 : 1.0; },
       .doubted = is_doubted},
      &result);
  EXPECT_EQ(result.pruned, std::vector<int>(input.classes.size(), 0));
  for (size_t c = 0; c < input.classes.size(); ++c)
    for (const Candidate& candidate : input.candidates[c].kept)
      for (size_t p = 0; is_doubted(candidate) && candidate.complexity > 0 && p < 2; ++p) {
        const auto unit =
            timed.find(fmt::format("{} {} {}", candidate.packing_key, describe(input.problems[p]),
                                   input.classes[c].m_min));
        ASSERT_NE(unit, timed.end()) << to_string(candidate.name);
        if (std::ranges::count(candidate.problems, p) > 0)
          EXPECT_TRUE(unit->second.contains(to_string(candidate.name)));
      }
  for (const ProblemChoice& choice : result.choices)
    EXPECT_TRUE(is_doubted(choice.classes[0]->candidate));
}

// Neither pruned nor timed: somebody must say so.
TEST(PackingSearch, DoubtedKernelsThatAreCutShortAreNamed) {
  class Lines final : public Listener {
   public:
    void update(double, const std::string&, double) override {}
    void say(const std::string& line) override { said += line + "\n"; }
    std::string said;
  };
  const SearchInput input = input_for(searched_levels().back(), "quick");
  std::string said;
  for (int stop_after = 0; stop_after < 100; stop_after += 4) {
    MadeUp workbench({.stop_after = stop_after, .doubted = is_doubted}, input.problems.size());
    Lines lines;
    search_packings(input, workbench, lines);
    said += lines.said;
  }
  EXPECT_NE(said.find("no sample could be timed: they are left out"), said.npos) << said;
}

TEST(PackingSearch, InterruptedAtAnyMomentItAnswersFromWhatItHas) {
  const SearchInput input = input_for(searched_levels().back(), "quick");
  double all = 0;
  search(input, {.sample_seconds = 1}, &all);
  for (int calls = 0; calls < static_cast<int>(all); calls += 7) {
    const SearchResult result = search(input, {.stop_after = calls});
    ASSERT_EQ(result.choices.size(), input.problems.size());
    for (const ProblemChoice& choice : result.choices)
      EXPECT_TRUE(choice.classes.empty() || choice.classes.size() == input.classes.size());
  }
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
