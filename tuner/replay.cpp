#include "tuner/replay.h"

#include <algorithm>
#include <chrono>

#include "runtime/base/round_up.h"
#include "runtime/base/statistics.h"

namespace bitnet::tuner {
namespace {

constexpr float kTiny = 1e-9F;

}  // namespace

Replay::Replay(ThreadPool& pool, std::vector<Problem> problems, int64_t tokens, int layers)
    : pool_(pool), problems_(std::move(problems)), tokens_(tokens), layers_(layers) {
  int64_t scales = 1;  // of a token
  for (const Problem& problem : problems_) {
    if (problem.group) scales = std::max(scales, problem.k / problem.group);
    ldx_ = std::max(ldx_, round_up(problem.k, 64));
    ldy_ = std::max(ldy_, round_up(problem.n, 64));
  }
  x_ = AlignedBuffer(static_cast<size_t>(tokens_ * ldx_));
  scales_ = AlignedBuffer(static_cast<size_t>(tokens_ * scales) * sizeof(float));
  y_ = AlignedBuffer(static_cast<size_t>(tokens_ * ldy_) * sizeof(float));
  uint32_t state = 12345;
  for (int8_t& x : x_.span<int8_t>()) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<int8_t>(static_cast<int>((state >> 16) % 255U) - 127);
  }
  // 1 / 127 or tiny: what is added to Y again and again stays finite.
  const bool grouped = std::ranges::any_of(problems_, [](const Problem& p) { return p.group > 0; });
  std::ranges::fill(scales_.span<float>(), grouped ? kTiny : 127.0F);
  scratch_.resize(static_cast<size_t>(pool_.size()));
}

std::vector<Product> Replay::products_of(std::span<const Runner> runners) const {
  std::vector<Product> products;
  for (int layer = 0; layer < layers_; ++layer)
    for (size_t p = 0; p < problems_.size(); ++p)
      products.push_back(Product(problems_[p], one_scale(problems_[p], kTiny),
                                 {{.sizes = runners[p].sizes,
                                   .functions = runners[p].functions,
                                   .packed = runners[p].weights->layer(layer)}}));
  return products;
}

void Replay::reserve(std::span<const Product> products) {
  size_t form = 0, scratch = 0;
  for (const Product& product : products) {
    form = std::max(form, static_cast<size_t>(product.form_bytes(tokens_)));
    scratch = std::max(scratch, static_cast<size_t>(product.scratch_bytes()));
  }
  if (form > form_.bytes()) form_ = AlignedBuffer(form);
  for (AlignedBuffer& buffer : scratch_) {
    if (scratch > buffer.bytes()) buffer = AlignedBuffer(scratch);
  }
}

void Replay::call(const Product& product, int thread) {
  const Share who{thread, pool_.size()};
  const ProductInput in{.tokens = tokens_,
                        .x = x_.as<int8_t>(),
                        .ldx = ldx_,
                        .scales = scales_.as<float>(),
                        .form = form_.as<uint8_t>()};
  product.prepare(share(tokens_, product.token_group(tokens_), who.threads, thread), in);
  pool_.barrier(thread);
  product.run(product.part_of(tokens_, who), in,
              scratch_[static_cast<size_t>(thread)].as<uint8_t>(), {y_.data(), ldy_});
  pool_.barrier(thread);
}

std::vector<double> Replay::run(std::span<const Runner> runners) {
  using Clock = std::chrono::steady_clock;
  const std::vector<Product> products = products_of(runners);
  reserve(products);
  const size_t calls = static_cast<size_t>(layers_) * static_cast<size_t>(repeats_);
  std::vector<std::vector<double>> seconds(problems_.size());
  for (auto& of_problem : seconds) of_problem.reserve(calls);
  pool_.run([&](int thread) {
    for (int repeat = 0; repeat < repeats_; ++repeat) {
      for (size_t i = 0; i < products.size(); ++i) {
        const auto begin = Clock::now();
        call(products[i], thread);
        if (thread == 0)
          seconds[i % problems_.size()].push_back(
              std::chrono::duration<double>(Clock::now() - begin).count());
      }
    }
  });
  return lower_quartiles(std::move(seconds));
}

std::vector<double> lower_quartiles(std::vector<std::vector<double>> seconds) {
  std::vector<double> quartiles;
  for (auto& of_problem : seconds) quartiles.push_back(lower_quartile(std::move(of_problem)));
  return quartiles;
}

}  // namespace bitnet::tuner
