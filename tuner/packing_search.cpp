#include "tuner/packing_search.h"

#include <algorithm>

#include "tuner/class_rounds.h"
#include "tuner/packing_table.h"

namespace bitnet::tuner {
namespace {

constexpr double kCompileShare = 0.4;  // of a packing's and class's time, at most

class Searcher {
 public:
  Searcher(const SearchInput& input, Workbench& workbench, Listener& listener)
      : in_(input), bench_(workbench), listener_(listener), table_(input) {}

  SearchResult run() {
    const std::vector<std::string> keys = packing_keys(in_);
    units_ = keys.size() * in_.classes.size();
    for (const std::string& key : keys) {
      table_.begin_packing(key);
      for (size_t c = 0; c < in_.classes.size(); ++c, ++unit_) search_class(key, c);
    }
    return table_.finish();
  }

 private:
  void search_class(const std::string& key, size_t c) {
    const std::vector<CompileJob> jobs = jobs_of(in_, key, c);
    if (jobs.empty()) return table_.leave_out_missing(key, c);
    // What was begun with the built-in packing is ended: without it there is no plan.
    const bool first = unit_ > 0 && unit_ < in_.classes.size();
    const bool is_over = bench_.stopped() || (unit_ > 0 && bench_.seconds_left() <= 0);
    if (is_over && !first) return table_.leave_out(key, c, std::string(why_it_ends()));
    tell(fmt::format("compiling {} for {} tokens", key, label(in_.classes[c])), 0);
    const Compilation& made = table_.keep(bench_.compile(c, jobs, kCompileShare * my_seconds()), c);
    const std::string_view ended = made.cut_short.empty() ? "" : why_it_ends();
    std::vector<Compiled> all = made.kernels;
    all.insert(all.end(), made.doubted.begin(), made.doubted.end());
    if (all.empty())  // the first job at least was begun
      return table_.leave_out(key, c, made.refused.front());
    const auto bench = bench_.bench(c, all);
    if (!bench) return table_.leave_out(key, c, bench.error().message);
    time_class(key, c, made, ended, **bench);
  }

  void time_class(const std::string& key, size_t c, const Compilation& made,
                  std::string_view compiling_ended, Bench& bench) {
    std::string_view ended;
    const double left = std::max(0.0, bench_.seconds_left()), mine = my_seconds();
    ClassRounds rounds(
        in_, table_, {key, c}, bench,
        [&] {
          if (ended.empty() && (bench_.stopped() || left - bench_.seconds_left() > mine))
            ended = why_it_ends();
          return !ended.empty();
        },
        [&](double fraction, const auto& halvings) { show(key, c, fraction, halvings); },
        listener_);
    const std::vector<Round> played = rounds.play(made);
    table_.count_samples(bench.count());
    in_.remember(
        table_.harvest(key, c, {made, played, bench.builtin_seconds(), compiling_ended, ended}));
  }

  // Asked when something was cut short.
  std::string_view why_it_ends() const {
    return bench_.stopped() ? "interrupted" : "the time was up";
  }
  // What comes after keeps its share of the time.
  double my_seconds() const {
    return std::max(0.0, bench_.seconds_left()) / static_cast<double>(units_ - unit_);
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

  const SearchInput& in_;
  Workbench& bench_;
  Listener& listener_;
  PackingTable table_;
  size_t unit_ = 0, units_ = 0;  // packings x classes: done, all
};

}  // namespace

SearchResult search_packings(const SearchInput& input, Workbench& workbench, Listener& listener) {
  return Searcher(input, workbench, listener).run();
}

}  // namespace bitnet::tuner
