#include "tuner/packing_search.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "tuner/round.h"

namespace bitnet::tuner {
namespace {

constexpr double kCompileShare = 0.4;  // of a packing's and class's time, at most

constexpr size_t kDoubtedSample = 2;  // kernels of a problem, packing and class

bool uses_two(const PackingChoice& choice) {
  return std::ranges::adjacent_find(choice.of_class, std::not_equal_to<>{}) !=
         choice.of_class.end();
}

class Searcher {
 public:
  Searcher(const SearchInput& input, Workbench& workbench, Listener& listener)
      : in_(input), bench_(workbench), listener_(listener) {
    const size_t problems = in_.problems.size(), classes = in_.classes.size();
    result_.tried.assign(classes, 0);
    result_.pruned.assign(classes, 0);
    result_.defaults.assign(problems, {.classes = std::vector<const Compiled*>(classes, nullptr)});
    times_.resize(problems);
    kernels_.resize(problems);
  }

  SearchResult run() {
    const std::vector<std::string> keys = packing_keys();
    units_ = keys.size() * in_.classes.size();
    for (const std::string& key : keys) {
      begin_packing(key);
      for (size_t c = 0; c < in_.classes.size(); ++c, ++unit_) search_class(key, c);
    }
    name_missing();
    choose();
    return std::move(result_);
  }

 private:
  // The built-in kernels' packings first: their result exists whatever happens later.
  std::vector<std::string> packing_keys() const {
    std::vector<std::string> keys;
    const auto add = [&](const std::string& key) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    };
    for (const TokenClass& c : in_.classes) add(class_of(in_.builtin.front(), c.timed).packing_key);
    for (const Candidates& of_class : in_.candidates)
      for (const Candidate& candidate : of_class.kept) add(candidate.packing_key);
    return keys;
  }

  void begin_packing(const std::string& key) {
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const bool builtin = key == class_of(in_.builtin[p], 1).packing_key;
      times_[p].push_back({.key = key,
                           .builtin = builtin,
                           .bytes = 0,
                           .classes = std::vector<std::optional<ClassTime>>(in_.classes.size())});
      kernels_[p].emplace_back(in_.classes.size(), nullptr);
    }
  }

  void search_class(const std::string& key, size_t c) {
    const std::vector<CompileJob> jobs = jobs_of(key, c);
    if (jobs.empty()) return leave_out_missing(key, c);
    // What was begun with the built-in packing is ended: without it there is no plan.
    const bool first = unit_ > 0 && unit_ < in_.classes.size();
    if (bench_.stopped() && !first) return leave_out(key, c, "interrupted");
    if (unit_ > 0 && !first && bench_.seconds_left() <= 0)
      return leave_out(key, c, "the time was up");
    tell(fmt::format("compiling {} for {} tokens", key, label(in_.classes[c])), 0);
    const double mine = std::max(0.0, bench_.seconds_left()) / static_cast<double>(units_ - unit_);
    auto compilation = bench_.compile(c, jobs, kCompileShare * mine);
    note_refused(*compilation);
    std::vector<Compiled> all = compilation->kernels;
    all.insert(all.end(), compilation->doubted.begin(), compilation->doubted.end());
    if (all.empty()) {
      leave_out(key, c,
                compilation->refused.empty() ? "interrupted" : compilation->refused.front());
    } else if (auto bench = bench_.bench(c, all); !bench) {
      leave_out(key, c, bench.error().message);
    } else {
      time_class(key, c, *compilation, **bench);
    }
    result_.compiled.push_back(std::move(compilation));
  }

  // Nearest first, so that whoever runs out of time has compiled the likelier ones.
  std::vector<CompileJob> jobs_of(const std::string& key, size_t c) const {
    std::vector<size_t> all(in_.problems.size());
    std::iota(all.begin(), all.end(), size_t{0});
    std::vector<CompileJob> jobs;
    for (const Candidate& candidate : in_.candidates[c].kept) {
      if (candidate.packing_key != key) continue;
      jobs.push_back({.candidate = candidate,
                      .problems = candidate.problems.empty() ? all : candidate.problems});
    }
    return jobs;
  }

  // Why no candidate of a packing is asked for: none can matter, or others came first.
  std::string missing_reason(const std::string& key, size_t c, size_t p) const {
    for (const Candidates::NoneLeft& none : in_.candidates[c].none_left)
      if (none.packing_key == key && none.problem == p) return "left out: " + none.reason;
    return fmt::format("no candidate of {} for {} tokens is among the {} that preset {} tries", key,
                       label(in_.classes[c]), in_.candidates[c].kept.size(), in_.preset.name);
  }

  void leave_out_missing(const std::string& key, size_t c) {
    for (size_t p = 0; p < in_.problems.size(); ++p)
      leave_out_one(key, c, p, missing_reason(key, c, p));
  }

  // Packings that were left out before the search, for all problems: nothing was begun with them.
  void name_missing() {
    for (size_t c = 0; c < in_.classes.size(); ++c)
      for (const Candidates::NoneLeft& none : in_.candidates[c].none_left)
        if (!is_in_table(none.packing_key, c, none.problem))
          leave_out_one(none.packing_key, c, none.problem, "left out: " + none.reason);
  }
  bool is_in_table(const std::string& key, size_t c, size_t p) const {
    return std::ranges::any_of(result_.table, [&](const PackingRow& row) {
      return row.packing == key && row.token_class == c && row.problem == p;
    });
  }

  void leave_out(const std::string& key, size_t c, const std::string& reason) {
    for (size_t p = 0; p < in_.problems.size(); ++p) leave_out_one(key, c, p, reason);
  }
  void leave_out_one(const std::string& key, size_t c, size_t p, const std::string& reason) {
    result_.table.push_back({.packing = key,
                             .problem = p,
                             .token_class = c,
                             .kernel = {},
                             .ratio = {},
                             .reason = reason});
  }

  void note_refused(const Compilation& compilation) {
    result_.wrong += compilation.wrong;
    result_.refused.insert(result_.refused.end(), compilation.refused.begin(),
                           compilation.refused.end());
  }

  // Every problem's candidates on this packing, in one replay after the other; then a sample of
  // what is doubted, and the rest of it where the sample was no slower.
  void time_class(const std::string& key, size_t c, const Compilation& compilation, Bench& bench) {
    for (const Compiled& kernel : compilation.kernels)
      if (kernel.candidate.complexity == 0) result_.defaults[kernel.problem].classes[c] = &kernel;
    const double left = std::max(0.0, bench_.seconds_left());
    // What comes after keeps its share.
    const double mine = left / static_cast<double>(units_ - unit_);
    const auto stop = [&] { return bench_.stopped() || left - bench_.seconds_left() > mine; };
    const auto time = [&](Arms arms, std::vector<Halving> halvings) {
      return time_round(key, c, {std::move(arms), std::move(halvings)}, bench, stop);
    };
    const size_t problems = in_.problems.size();
    Arms arms = arms_of(compilation.kernels, problems, compilation.kernels.size());
    std::vector<Halving> halvings = halvings_of(arms, in_.preset);
    std::vector<Round> rounds{time(std::move(arms), std::move(halvings))};
    if (!compilation.doubted.empty()) {
      Arms sample = arms_of(compilation.doubted, problems, kDoubtedSample);
      halvings = samples_of(sample);
      rounds.push_back(time(std::move(sample), std::move(halvings)));
      if (are_doubted_timed(key, c, compilation, rounds)) {
        Arms again = doubted_beside_the_best(compilation, rounds.front());
        halvings = halvings_of(again, in_.preset);
        rounds.push_back(time(std::move(again), std::move(halvings)));
      }
    }
    result_.samples.all += bench.count().all;
    result_.samples.disturbed += bench.count().disturbed;
    const std::vector<double> builtin_seconds = bench.builtin_seconds();
    std::vector<Record> records;
    for (size_t p = 0; p < problems; ++p) harvest(key, p, c, rounds, builtin_seconds[p], records);
    in_.remember(records);
  }

  Round time_round(const std::string& key, size_t c, Round round, Bench& bench,
                   const std::function<bool()>& stop) {
    const auto measure = [&](const std::vector<std::optional<size_t>>& asked) {
      std::vector<const Compiled*> now(asked.size(), nullptr);
      for (size_t p = 0; p < asked.size(); ++p)
        if (asked[p]) now[p] = round.arms[p][*asked[p]];
      return bench.ratios(now);
    };
    play(round.halvings, best_ratios(c), measure, {.stop = stop, .progress = [&](double fraction) {
                                                     show(key, c, fraction, round.halvings);
                                                   }});
    return round;
  }

  // So many samples of each arm, and no choice among them.
  std::vector<Halving> samples_of(const Arms& arms) const {
    std::vector<Halving> halvings;
    for (const auto& of_problem : arms)
      halvings.emplace_back(
          std::vector<int>(of_problem.size(), 0),
          HalvingOptions{.stages = 0, .final_samples = std::max(3, in_.preset.first_samples)});
    return halvings;
  }

  // Of this packing or another, the built-in kernel included.
  Estimate best_known(const Round& round, size_t p, size_t c) const {
    Estimate best{.ratio = 1, .error = 0, .samples = 1};
    const double other = best_ratios(c)[p];
    if (other > 0 && other < best.ratio) best.ratio = other;
    const auto leader = round.halvings[p].leader();
    if (leader && round.halvings[p].of(*leader).ratio < best.ratio)
      best = round.halvings[p].of(*leader);
    return best;
  }

  // Whether the sample contradicts the model. Counts what is pruned where it does not.
  bool are_doubted_timed(const std::string& key, size_t c, const Compilation& compilation,
                         const std::vector<Round>& rounds) {
    bool timed = true, slower = true;
    for (size_t p = 0; p < in_.problems.size(); ++p) {
      const Verdict v = verdict_of(rounds[1].halvings[p], best_known(rounds[0], p, c));
      timed = timed && v != Verdict::not_timed;
      slower = slower && v == Verdict::slower;
    }
    std::set<std::string> names;
    for (const Compiled& kernel : compilation.doubted)
      names.insert(to_string(kernel.candidate.name));
    if (slower) result_.pruned[c] += static_cast<int>(names.size());
    if (!timed || slower) return false;
    listener_.say(fmt::format(
        "note: {}, {} tokens: a timed sample of the {} kernels that LLVM's model calls hopeless is "
        "not clearly slower: none of them is pruned",
        key, label(in_.classes[c]), names.size()));
    return true;
  }

  Arms doubted_beside_the_best(const Compilation& compilation, const Round& first) const {
    Arms arms(in_.problems.size());
    for (size_t p = 0; p < arms.size(); ++p)
      if (const auto best = best_arm(first.arms[p], first.halvings[p]))
        arms[p].push_back(first.arms[p][*best]);
    for (const Compiled& kernel : compilation.doubted) arms[kernel.problem].push_back(&kernel);
    return arms;
  }

  // What other packings reached, as ratios to built-in; 0: nothing yet.
  std::vector<double> best_ratios(size_t c) const {
    std::vector<double> best(in_.problems.size(), 0.0);
    for (const PackingRow& row : result_.table) {
      if (row.token_class != c || row.kernel.empty()) continue;
      double& of_problem = best[row.problem];
      if (of_problem == 0 || row.ratio.ratio < of_problem) of_problem = row.ratio.ratio;
    }
    return best;
  }

  // The round that decides a problem: the last one, if it came to anything.
  static const Round& deciding(const std::vector<Round>& rounds, size_t p) {
    if (rounds.size() == 3 && rounds[2].halvings[p].leader()) return rounds[2];
    return rounds[0].arms[p].empty() && rounds.size() > 1 ? rounds[1] : rounds[0];
  }

  // Notes every arm in the log and the best one in the table.
  void harvest(const std::string& key, size_t p, size_t c, const std::vector<Round>& rounds,
               double builtin_seconds, std::vector<Record>& records) {
    PackingRow row{.packing = key, .problem = p, .token_class = c, .kernel = {}, .ratio = {}};
    std::set<const Compiled*> tried;
    for (const Round& round : rounds)
      for (size_t i = 0; i < round.arms[p].size(); ++i) {
        const Estimate e = round.halvings[p].of(i);
        if (e.samples == 0) continue;
        tried.insert(round.arms[p][i]);
        records.push_back(trial(p, c, round.arms[p][i]->candidate, e, builtin_seconds));
      }
    row.tried = static_cast<int>(tried.size());
    result_.tried[c] += row.tried;
    const std::vector<const Compiled*>& arms = deciding(rounds, p).arms[p];
    const Halving& halving = deciding(rounds, p).halvings[p];
    const auto best = best_arm(arms, halving);
    if (!best) {
      row.reason = !arms.empty()         ? "the time was up"
                   : is_asked(key, p, c) ? "none of its kernels fits the shape"
                                         : missing_reason(key, c, p);
    } else {
      row.kernel = to_string(arms[*best]->candidate.name);
      row.ratio = halving.of(*best);
      // Unmeasured: the default, as good as built-in.
      if (row.ratio.samples == 0) row.ratio = {.ratio = 1, .error = 0.05, .samples = 0};
      row.seconds = row.ratio.ratio * builtin_seconds;
      keep(p, c, *arms[*best], row);
    }
    result_.table.push_back(std::move(row));
  }

  bool is_asked(const std::string& key, size_t p, size_t c) const {
    return std::ranges::any_of(jobs_of(key, c), [&](const CompileJob& job) {
      return std::ranges::count(job.problems, p) > 0;
    });
  }

  void keep(size_t p, size_t c, const Compiled& kernel, const PackingRow& row) {
    PackingTimes& times = times_[p].back();
    times.classes[c] =
        ClassTime{.seconds = row.seconds, .error = row.ratio.error / row.ratio.ratio};
    times.bytes = kernel.sizes.packed_bytes * in_.problems[p].count;
    kernels_[p].back()[c] = &kernel;
  }

  Record trial(size_t p, size_t c, const Candidate& candidate, const Estimate& e,
               double builtin_seconds) const {
    Record record{.kind = RecordKind::trial, .key = in_.key};
    record.key.problem = in_.problems[p];
    record.key.m_min = in_.classes[c].m_min;
    record.key.kernel = to_string(candidate.name);
    record.key.kernel_hash = candidate.hash;
    record.nanoseconds = 1e9 * e.ratio * builtin_seconds;
    record.ratio = e.ratio;
    record.error = e.error;
    record.samples = e.samples;
    return record;
  }

  void show(const std::string& key, size_t c, double fraction,
            const std::vector<Halving>& halvings) {
    double best = 1;
    size_t of = 0;
    for (size_t p = 0; p < halvings.size(); ++p) {
      const auto leader = halvings[p].leader();
      if (leader && halvings[p].of(*leader).ratio < best) {
        best = halvings[p].of(*leader).ratio;
        of = p;
      }
    }
    tell(fmt::format("timing {}, {} tokens: best {:.2f}x built-in ({})", key, label(in_.classes[c]),
                     1 / best, describe(in_.problems[of])),
         fraction);
  }
  void tell(const std::string& what, double fraction) {
    listener_.update((static_cast<double>(unit_) + fraction) / static_cast<double>(units_), what,
                     bench_.seconds_left());
  }

  // Problem by problem; a second packing only while all that is taken leaves room for it.
  void choose() {
    int64_t taken = 0;
    std::vector<std::optional<PackingChoice>> ones;
    for (const auto& times : times_) {
      ones.push_back(choose_packing(times, in_.classes, 0));
      if (ones.back()) taken += ones.back()->bytes;
    }
    for (size_t p = 0; p < times_.size(); ++p) {
      const int64_t others = taken - (ones[p] ? ones[p]->bytes : 0);
      const auto choice = choose_packing(times_[p], in_.classes, in_.bytes_allowed - others);
      result_.choices.push_back(choice ? kernels_of(p, *choice) : ProblemChoice{});
      const bool two = choice && ones[p] && uses_two(*choice);
      result_.ones.push_back(two ? kernels_of(p, *ones[p]) : ProblemChoice{});
      if (choice) taken = others + choice->bytes;
    }
  }

  ProblemChoice kernels_of(size_t p, const PackingChoice& choice) const {
    ProblemChoice kernels;
    for (size_t c = 0; c < in_.classes.size(); ++c)
      kernels.classes.push_back(kernels_[p][choice.of_class[c]][c]);
    return kernels;
  }

  const SearchInput& in_;
  Workbench& bench_;
  Listener& listener_;
  SearchResult result_;
  std::vector<std::vector<PackingTimes>> times_;                    // [problem][packing]
  std::vector<std::vector<std::vector<const Compiled*>>> kernels_;  // beside them, [class]
  size_t unit_ = 0, units_ = 0;                                     // packings x classes: done, all
};

}  // namespace

const ClassKernel& class_of(const ProblemKernels& kernels, int64_t tokens) {
  const auto found = std::ranges::find_if(kernels.classes,
                                          [&](const ClassKernel& c) { return tokens <= c.m_max; });
  return found == kernels.classes.end() ? kernels.classes.back() : *found;
}

SearchResult search_packings(const SearchInput& input, Workbench& workbench, Listener& listener) {
  return Searcher(input, workbench, listener).run();
}

}  // namespace bitnet::tuner
