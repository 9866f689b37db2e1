// One packing and token class at the bench: every problem's candidates in one replay after the
// other; then a sample of what LLVM's model doubts, and the rest of it where the sample was no
// slower.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tuner/listener.h"
#include "tuner/packing_table.h"
#include "tuner/round.h"
#include "tuner/search.h"
#include "tuner/workbench.h"

namespace bitnet::tuner {

class ClassRounds {
 public:
  struct Where {
    const std::string& key;  // of the packing
    size_t c;                // the class
  };
  // All must outlive it. show: the round that is being played and how far it is.
  ClassRounds(const SearchInput& input, PackingTable& table, Where where, Bench& bench,
              std::function<bool()> stop,
              std::function<void(double fraction, const std::vector<Halving>&)> show,
              Listener& listener)
      : in_(input),
        table_(table),
        where_(where),
        bench_(bench),
        stop_(std::move(stop)),
        show_(std::move(show)),
        listener_(listener) {}

  // One round to three. Counts what is pruned.
  std::vector<Round> play(const Compilation& compilation);

 private:
  Round play_round(Arms arms, std::vector<Halving> halvings);
  std::vector<Halving> samples_of(const Arms& arms) const;
  Estimate best_known(const Round& round, size_t p) const;
  bool are_doubted_timed(const Compilation& compilation, const std::vector<Round>& rounds);
  Arms doubted_beside_the_best(const Compilation& compilation, const Round& first) const;

  const SearchInput& in_;
  PackingTable& table_;
  Where where_;
  Bench& bench_;
  std::function<bool()> stop_;
  std::function<void(double, const std::vector<Halving>&)> show_;
  Listener& listener_;
};

}  // namespace bitnet::tuner
