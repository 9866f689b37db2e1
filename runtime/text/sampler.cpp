#include "runtime/text/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>

namespace bitnet {
namespace {

// A candidate as an integer: the smaller, the better. The upper half descends with the logit, the
// lower is the id, so that sorting needs no comparison of floats. -0 and +0 are equal; NaN has
// become -inf before.
uint64_t key_of(int32_t id, float logit) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0F);
  const uint32_t descending = bits >> 31 != 0 ? bits : ~bits ^ 0x80000000U;
  return uint64_t{descending} << 32 | static_cast<uint32_t>(id);
}
int32_t id_of(uint64_t key) { return static_cast<int32_t>(key & UINT32_MAX); }
float logit_of(uint64_t key) {
  const auto descending = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>(descending >> 31 != 0 ? descending : ~descending ^ 0x80000000U);
}

// Ascending, 11 bits a pass from the lowest; passes in which all have the same digit are left out.
// A vocabulary of 128,256 takes 3.4 ms, std::sort 8.1 ms.
void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& spare) {
  constexpr int kBits = 11;
  spare.resize(keys.size());
  for (int shift = 0; shift < 64; shift += kBits) {
    std::array<size_t, 1 << kBits> begin{};
    const auto digit = [shift](uint64_t key) { return key >> shift & ((1U << kBits) - 1); };
    for (const uint64_t key : keys) ++begin[digit(key)];
    if (begin[digit(keys[0])] == keys.size()) continue;
    size_t sum = 0;
    for (size_t& at : begin) sum += std::exchange(at, sum);
    for (const uint64_t key : keys) spare[begin[digit(key)]++] = key;
    keys.swap(spare);
  }
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

void Sampler::forget() {
  for (const int32_t token : last_) counts_[static_cast<size_t>(token)] = 0;
  last_.clear();
  oldest_ = 0;
  distinct_ = 0;
}

void Sampler::add_candidate(int32_t id, float logit) {
  if (std::isnan(logit)) logit = -std::numeric_limits<float>::infinity();
  if (penalises() && id >= 0 && id < std::ssize(counts_) && counts_[static_cast<size_t>(id)] > 0)
    logit = logit > 0 ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
  candidates_.push_back(key_of(id, logit));
}

int32_t Sampler::sample(std::span<const Logit> best) {
  candidates_.clear();
  for (const Logit& logit : best) add_candidate(logit.id, logit.value);
  return choose();
}

int32_t Sampler::sample(std::span<const float> all) {
  candidates_.clear();
  for (size_t id = 0; id < all.size(); ++id) add_candidate(static_cast<int32_t>(id), all[id]);
  return choose();
}

// Leaves the best `count` candidates, in order.
void Sampler::sort_best(size_t count) {
  if (count < candidates_.size()) {
    std::ranges::nth_element(candidates_, candidates_.begin() + static_cast<std::ptrdiff_t>(count));
    candidates_.resize(count);
  }
  if (count < 1024)
    std::ranges::sort(candidates_);
  else
    radix_sort(candidates_, spare_);
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
  if (greedy()) return id_of(*std::ranges::min_element(candidates_));
  size_t count = candidates_.size();
  if (options_.top_k > 0) count = std::min(count, static_cast<size_t>(options_.top_k));
  sort_best(count);

  const float u = random_.uniform();  // one draw a token, whatever happens to it
  scaled_.resize(count);
  terms_.resize(count);
  for (size_t i = 0; i < count; ++i) scaled_[i] = logit_of(candidates_[i]) / options_.temperature;
  // An infinite best logit has no distribution around it.
  if (!std::isfinite(scaled_[0])) return id_of(candidates_[0]);
  const float sum = floats_->softmax_terms(scaled_.data(), static_cast<int64_t>(count), scaled_[0],
                                           terms_.data());
  const size_t kept = nucleus(count, sum);
  float total = 0;
  for (size_t i = 0; i < kept; ++i) total += terms_[i];
  const float target = u * total;
  float reached = 0;
  for (size_t i = 0; i < kept; ++i)
    if ((reached += terms_[i]) > target) return id_of(candidates_[i]);
  return id_of(candidates_[kept - 1]);  // not reached: total > u * total, as terms_[0] is 1
}

}  // namespace bitnet
