#include "runtime/text/sampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace bitnet {
namespace {

bool better(const Logit& a, const Logit& b) {
  return a.value != b.value ? a.value > b.value : a.id < b.id;
}

}  // namespace

Result<void> check(const SamplerOptions& options) {
  const auto wrong = [](const char* name, float found, const char* wanted) {
    return fail(Error::Kind::invalid, "{} is {}, wanted {}", name, found, wanted);
  };
  if (!std::isfinite(options.temperature))
    return wrong("temperature", options.temperature, "a number");
  if (std::isnan(options.top_p)) return wrong("top-p", options.top_p, "a number");
  if (!(options.min_p <= 1)) return wrong("min-p", options.min_p, "at most 1");
  if (!(options.repeat_penalty > 0) || !std::isfinite(options.repeat_penalty))
    return wrong("repeat penalty", options.repeat_penalty, "a number above 0");
  return {};
}

Sampler::Sampler(const SamplerOptions& options, int64_t vocabulary, const BnFloatKernels& floats)
    : options_(options),
      floats_(&floats),
      random_(options.seed),
      counts_(static_cast<size_t>(vocabulary)) {
  assert(check(options));
}

Want Sampler::want() const {
  const int64_t keep = greedy() ? 1 : options_.top_k;
  const int64_t wanted = keep + (penalises() ? distinct_ : 0);
  const bool raises = penalises() && options_.repeat_penalty < 1;
  if (keep <= 0 || raises || wanted >= std::ssize(counts_)) return {.kind = Want::Kind::all};
  return {.kind = Want::Kind::top, .k = static_cast<int>(wanted)};
}

void Sampler::accept(int32_t token) {
  if (!penalises() || token < 0 || token >= std::ssize(counts_)) return;
  if (counts_[static_cast<size_t>(token)]++ == 0) ++distinct_;
  if (options_.repeat_last_n < 0 || std::ssize(last_) < options_.repeat_last_n) {
    last_.push_back(token);
    return;
  }
  const int32_t forgotten = std::exchange(last_[oldest_], token);
  oldest_ = (oldest_ + 1) % last_.size();
  if (--counts_[static_cast<size_t>(forgotten)] == 0) --distinct_;
}

void Sampler::add_candidate(Logit logit) {
  if (std::isnan(logit.value)) logit.value = -std::numeric_limits<float>::infinity();
  if (penalises() && logit.id >= 0 && logit.id < std::ssize(counts_) &&
      counts_[static_cast<size_t>(logit.id)] > 0)
    logit.value = logit.value > 0 ? logit.value / options_.repeat_penalty
                                  : logit.value * options_.repeat_penalty;
  candidates_.push_back(logit);
}

int32_t Sampler::sample(std::span<const Logit> best) {
  candidates_.clear();
  for (const Logit& logit : best) add_candidate(logit);
  return choose();
}

int32_t Sampler::sample(std::span<const float> all) {
  candidates_.clear();
  for (size_t id = 0; id < all.size(); ++id) add_candidate({static_cast<int32_t>(id), all[id]});
  return choose();
}

// How many of the first `count` terms, whose sum is given, are left by top-p and min-p; at least
// one.
size_t Sampler::nucleus(size_t count, float sum) const {
  size_t kept = 1;
  float reached = terms_[0];
  while (kept < count && (options_.top_p >= 1 || reached < options_.top_p * sum))
    reached += terms_[kept++];
  while (kept > 1 && terms_[kept - 1] < options_.min_p) --kept;
  return kept;
}

int32_t Sampler::choose() {
  assert(!candidates_.empty());
  if (greedy()) return std::ranges::min_element(candidates_, better)->id;
  size_t count = candidates_.size();
  if (options_.top_k > 0) count = std::min(count, static_cast<size_t>(options_.top_k));
  std::ranges::partial_sort(candidates_, candidates_.begin() + static_cast<std::ptrdiff_t>(count),
                            better);

  const float u = random_.uniform();  // one draw a token, whatever happens to it
  scaled_.resize(count);
  terms_.resize(count);
  for (size_t i = 0; i < count; ++i) scaled_[i] = candidates_[i].value / options_.temperature;
  // An infinite best logit has no distribution around it.
  if (!std::isfinite(scaled_[0])) return candidates_[0].id;
  const float sum = floats_->softmax_terms(scaled_.data(), static_cast<int64_t>(count), scaled_[0],
                                           terms_.data());
  const size_t kept = nucleus(count, sum);
  float total = 0;
  for (size_t i = 0; i < kept; ++i) total += terms_[i];
  const float target = u * total;
  float reached = 0;
  for (size_t i = 0; i < kept; ++i)
    if ((reached += terms_[i]) > target) return candidates_[i].id;
  return candidates_[kept - 1].id;  // not reached: total > u * total, as terms_[0] is 1
}

}  // namespace bitnet
