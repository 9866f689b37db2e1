// The search for one packing and token class: halvings in step, and when they stop.
#include "tuner/search.h"

#include <gtest/gtest.h>

#include <random>

namespace bitnet::tuner {
namespace {

TEST(Search, TimesEveryProblemInOneReplayAndFindsEachBest) {
  const std::vector<std::vector<double>> truth{{1.0, 0.7, 0.9}, {1.2, 1.0, 1.1, 0.6}};
  std::vector<Halving> halvings;
  halvings.emplace_back(std::vector<int>{0, 1, 1}, HalvingOptions{});
  halvings.emplace_back(std::vector<int>{0, 1, 1, 2}, HalvingOptions{});
  std::mt19937 random(3);
  std::normal_distribution<double> noise(1, 0.01);
  int replays = 0;
  play(halvings, {0, 0},
       [&](const std::vector<std::optional<size_t>>& arms) -> Sample {
         ++replays;
         std::vector<double> ratios;
         for (size_t p = 0; p < arms.size(); ++p)
           ratios.push_back((arms[p] ? truth[p][*arms[p]] : 1.0) * noise(random));
         return {.ratios = ratios};
       },
       {.stop = [] { return false; }, .progress = [](double) {}});
  EXPECT_EQ(halvings[0].winner(), 1U);
  EXPECT_EQ(halvings[1].winner(), 3U);
  EXPECT_LT(replays, 70);  // as many as the longer one needs, not the sum
}

TEST(Search, StopsWhenToldAndGivesUpOnHopelessPackings) {
  std::vector<Halving> halvings;
  halvings.emplace_back(std::vector<int>(8, 1), HalvingOptions{});
  int replays = 0;
  const auto measure = [&](const std::vector<std::optional<size_t>>&) -> Sample {
    ++replays;
    return {.ratios = {1.5}};
  };
  play(halvings, {1.0}, measure, {.stop = [] { return false; }, .progress = [](double) {}});
  EXPECT_EQ(replays, 8 * 3);  // one stage: half again slower than what another packing reached
  std::vector<Halving> stopped;
  stopped.emplace_back(std::vector<int>(8, 1), HalvingOptions{});
  replays = 0;
  play(stopped, {0}, measure, {.stop = [&] { return replays >= 5; }, .progress = [](double) {}});
  EXPECT_EQ(replays, 5);
}

}  // namespace
}  // namespace bitnet::tuner
