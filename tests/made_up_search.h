// The search with a made-up machine, for its tests: it reads no clock, so times, noise, budgets and
// interruptions are what the test says.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/kernel/cache.h"
#include "tuner/packing_search.h"

namespace bitnet::tuner {

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
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (i > 0 && (spent_ - begin > seconds || stopped())) {
        made->cut_short.insert(jobs[i].problems.begin(), jobs[i].problems.end());
        continue;
      }
      spend(world_.compile_seconds);
      const Candidate& candidate = jobs[i].candidate;
      compiled_.insert(to_string(candidate.name));
      if (candidate.packing_key == world_.does_not_fit) {
        made->refused.push_back(to_string(candidate.name) + ": made not to fit");
        continue;
      }
      for (size_t p : jobs[i].problems) {
        const bool doubted = world_.doubted && candidate.distance > 0 && world_.doubted(candidate);
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

inline Result<std::unique_ptr<Bench>> MadeUp::bench(size_t c, std::span<const Compiled> kernels) {
  if (kernels.front().candidate.packing_key == world_.no_memory)
    return fail(Error::Kind::io, "not enough memory, made up");
  return std::make_unique<MadeUpBench>(*this, c);
}

inline const std::vector<Problem> kProblems{
    {.kind = ProblemKind::qkv, .n = 768, .k = 256, .epilogue = BN_SCALED, .count = 4},
    {.kind = ProblemKind::down, .n = 256, .k = 512, .epilogue = BN_SCALED_ADD, .count = 4}};

// Levels of this architecture that have templates, whatever this CPU is: candidates are only names.
inline std::vector<Isa> searched_levels() {
  std::vector<Isa> levels;
  for (const codegen::Template& t : codegen::templates()) {
    const IsaLevel& level = level_of(t.isa);
    const bool here = level.architecture.empty() || level.architecture == kArchitecture;
    if (here && std::ranges::find(levels, t.isa) == levels.end()) levels.push_back(t.isa);
  }
  return levels;
}

inline SearchInput input_for(Isa level, const std::string& preset = "exhaustive",
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

inline SearchResult search(const SearchInput& input, World world, double* spent = nullptr) {
  MadeUp workbench(std::move(world), input.problems.size());
  SilentListener quiet;
  SearchResult result = search_packings(input, workbench, quiet);
  if (spent != nullptr) *spent = workbench.spent();
  return result;
}

inline std::vector<std::string> packings_of(const ProblemChoice& choice) {
  std::vector<std::string> keys;
  for (const Compiled* kernel : choice.classes) keys.push_back(kernel->candidate.packing_key);
  return keys;
}

// Packings that have candidates for every class.
inline std::vector<std::string> whole_packings(const SearchInput& input) {
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
inline SearchInput few_of_each_packing(SearchInput input) {
  for (Candidates& of_class : input.candidates) {
    std::map<std::string, int> seen;
    std::erase_if(of_class.kept, [&](const Candidate& c) { return ++seen[c.packing_key] > 3; });
  }
  return input;
}

}  // namespace bitnet::tuner
