#include "tuner/halving.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/statistics.h"

namespace bitnet::tuner {
namespace {

constexpr int kAttemptsPerSample = 2;

}  // namespace

Estimate estimate(std::vector<double> ratios) {
  if (ratios.empty()) return {};
  Estimate e{.ratio = median(ratios), .error = 0, .samples = static_cast<int>(ratios.size())};
  for (double& ratio : ratios) ratio = std::abs(ratio - e.ratio);
  // 1.4826 MAD estimates a normal deviation; a median's error is 1.2533 times a mean's.
  e.error = 1.4826 * 1.2533 * median(ratios) / std::sqrt(static_cast<double>(e.samples));
  // Of one or two samples the deviation says nothing.
  if (e.samples < 3) e.error = std::max(e.error, 0.05 * e.ratio);
  return e;
}

Halving::Halving(std::vector<int> distances, HalvingOptions options) : options_(options) {
  for (int c : distances)
    arms_.push_back({.distance = c, .alive = true, .attempts = 0, .ratios = {}, .disturbed = {}});
  if (arms_.empty()) stopped_ = true;
}

std::optional<size_t> Halving::next() const {
  if (stopped_) return std::nullopt;
  std::optional<size_t> least;
  for (size_t i = 0; i < arms_.size(); ++i) {
    if (arms_[i].alive && (!least || arms_[i].attempts < arms_[*least].attempts)) least = i;
  }
  return least;
}

void Halving::record(size_t index, double ratio, bool quiet) {
  Arm& arm = arms_[index];
  ++arm.attempts;
  (quiet ? arm.ratios : arm.disturbed).push_back(ratio);
  const auto finished = [&](const Arm& a) {
    return !a.alive || static_cast<int>(a.ratios.size()) >= wanted() ||
           a.attempts >= kAttemptsPerSample * wanted();
  };
  if (std::ranges::all_of(arms_, finished)) end_stage();
}

std::vector<double> Halving::counted(const Arm& arm) const {
  std::vector<double> ratios = arm.ratios;
  const auto missing = std::max<std::ptrdiff_t>(0, wanted() - std::ssize(ratios));
  ratios.insert(ratios.end(), arm.disturbed.begin(),
                arm.disturbed.begin() + std::min(missing, std::ssize(arm.disturbed)));
  return ratios;
}

void Halving::end_stage() {
  std::vector<size_t> order;
  for (size_t i = 0; i < arms_.size(); ++i) {
    Arm& arm = arms_[i];
    arm.ratios = counted(arm);
    arm.disturbed.clear();
    if (arm.alive) order.push_back(i);
    arm.alive = false;
  }
  std::ranges::sort(order, {}, [&](size_t i) { return of(i).ratio; });
  const bool was_final = in_final();
  if (!was_final) ++stage_;
  const size_t keep =
      was_final ? order.size() : std::min(order.size(), in_final() ? 2 : (order.size() + 1) / 2);
  for (size_t place = 0; place < keep; ++place) arms_[order[place]].alive = true;
  for (Arm& arm : arms_) {
    if (arm.alive && in_final() && !was_final) arm.ratios.clear();
    arm.attempts = static_cast<int>(arm.ratios.size());
  }
  if (was_final || keep == 0) stopped_ = true;
}

int Halving::remaining() const {
  if (stopped_) return 0;
  int alive = 0, have = 0;
  for (const Arm& arm : arms_) {
    if (!arm.alive) continue;
    ++alive;
    have += std::min(arm.attempts, wanted());
  }
  int samples = alive * wanted() - have;
  for (int stage = stage_ + 1; stage < options_.stages; ++stage) {
    alive = (alive + 1) / 2;
    samples += alive * (options_.first_samples
                        << (stage - 1));  // half of what they will have, they already have
  }
  if (!in_final()) samples += std::min(alive, 2) * options_.final_samples;
  return std::max(samples, 1);
}

Estimate Halving::of(size_t arm) const { return estimate(counted(arms_[arm])); }

std::optional<size_t> Halving::leader() const {
  std::optional<size_t> best;
  for (size_t i = 0; i < arms_.size(); ++i) {
    // Arms that left early were worse, by fewer samples: only the last stage is compared.
    if (!arms_[i].alive || of(i).samples == 0) continue;
    if (!best || of(i).ratio < of(*best).ratio) best = i;
  }
  return best;
}

std::optional<size_t> Halving::winner() const {
  const std::optional<size_t> best = leader();
  if (!best) return std::nullopt;
  const Estimate least = of(*best);
  if (1 - least.ratio <= std::max(options_.tie, 2 * least.error)) return std::nullopt;
  size_t winner = *best;
  for (size_t i = 0; i < arms_.size(); ++i) {
    if (!arms_[i].alive || of(i).samples == 0 || arms_[i].distance >= arms_[winner].distance)
      continue;
    const Estimate other = of(i);
    // A tie with the best, that beats the incumbent as well.
    if (other.ratio - least.ratio <= std::max(options_.tie, least.error) &&
        1 - other.ratio > std::max(options_.tie, 2 * other.error)) {
      winner = i;
    }
  }
  return winner;
}

}  // namespace bitnet::tuner
