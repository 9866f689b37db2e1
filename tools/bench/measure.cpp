#include "tools/bench/measure.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "runtime/base/statistics.h"
#include "runtime/cpu/roof.h"
#include "runtime/threads/pool.h"

namespace bitnet::bench {
namespace {

using Clock = std::chrono::steady_clock;

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text, size);
}

// Arbitrary ids, the same in every run, spread over the vocabulary.
int32_t token_at(int64_t position, int64_t vocabulary) {
  return static_cast<int32_t>((1 + position * 7919) % vocabulary);
}

class Runner {
 public:
  Runner(Model& model, Sequence& sequence, const How& how)
      : model_(model), sequence_(sequence), how_(how) {}

  // One batch; only its last token asks for logits, as a prompt does.
  Result<void> prompt(int tokens) {
    if (tokens == 0) return {};
    std::vector<TokenRequest> requests;
    for (int i = 0; i < tokens; ++i) {
      requests.push_back({&sequence_,
                          token_at(sequence_.length() + i, model_.vocabulary()),
                          {.kind = Want::Kind::none, .k = 0}});
    }
    requests.back().want = kBest;
    return evaluate(requests);
  }

  Result<void> generate(int tokens) {
    for (int i = 0; i < tokens; ++i) {
      const TokenRequest request{&sequence_, token_at(sequence_.length(), model_.vocabulary()),
                                 kBest};
      BITNET_CHECK(evaluate({&request, 1}));
    }
    return {};
  }

 private:
  static constexpr Want kBest{.kind = Want::Kind::top, .k = 1};

  Result<void> evaluate(std::span<const TokenRequest> requests) {
    if (how_.stop()) return fail(Error::Kind::interrupted, "interrupted");
    auto done = model_.evaluate(requests);
    if (!done) return std::unexpected(std::move(done.error()));
    return {};
  }
  Model& model_;
  Sequence& sequence_;
  const How& how_;
};

}  // namespace

std::string name(const Test& test) {
  std::string text;
  if (test.prompt > 0) text = fmt::format("pp{}", test.prompt);
  if (test.generate > 0) text += fmt::format("{}tg{}", text.empty() ? "" : "+", test.generate);
  if (test.depth > 0) text += fmt::format(" @ d{}", test.depth);
  return text;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double sum = 0;
  for (double value : values) sum += (value - middle) * (value - middle);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

namespace {
std::vector<double> rates_of(const std::vector<Sample>& samples, int tokens) {
  std::vector<double> rates;
  for (const Sample& sample : samples) rates.push_back(tokens / sample.seconds);
  return rates;
}
}  // namespace

std::vector<double> Measurement::rates() const { return rates_of(samples, tokens()); }

std::vector<double> Measurement::versus_rates() const {
  return versus ? rates_of(versus->samples, tokens()) : std::vector<double>{};
}

std::vector<double> Measurement::ratios() const {
  std::vector<double> ratios;
  for (size_t i = 0; versus && i < std::min(samples.size(), versus->samples.size()); ++i)
    ratios.push_back(versus->samples[i].seconds / samples[i].seconds);
  return ratios;
}

double Measurement::gigabytes_per_second() const {
  if (test.prompt > 0) return 0;
  return 1e-9 * mean(rates()) * static_cast<double>(bytes_per_token);
}

double Measurement::roof_share() const {
  if (test.prompt > 0 || samples.empty()) return 0;
  std::vector<double> shares;
  for (const Sample& sample : samples) {
    const double rate = test.generate / sample.seconds * static_cast<double>(bytes_per_token);
    shares.push_back(rate / sample.roof_bytes_per_second);
  }
  return median(std::move(shares));
}

RoofBuffer::RoofBuffer(uint64_t bytes, int threads) : buffer_(bytes), threads_(threads) {
  // Untouched pages would all be one and the same.
  std::ranges::fill(buffer_.span<uint64_t>(), 0x0123456789abcdefU);
}

Result<double> RoofBuffer::bytes_per_second() const {
  // The model's own is not for others; made anew, so that it does not spin beside it.
  BITNET_TRY(ThreadPool pool, ThreadPool::start(threads_));
  const std::span<const std::byte> block(buffer_.data(), buffer_.bytes());
  return read_roof(
             {&block, 1}, threads_, [&](const std::function<void(int)>& body) { pool.run(body); },
             proved_isa())
      .bytes_per_second;
}

namespace {

// One model at one test, a repetition at a time.
class Series {
 public:
  static Result<Series> make(Model& model, const Test& test, const How& how) {
    BITNET_TRY(Sequence sequence,
               model.sequence(test.depth + test.prompt + test.generate + 1, how.kv.k, how.kv.v));
    return Series(model, std::move(sequence), test, how);
  }

  Result<void> warm_up() {
    Runner runner(model_, sequence_, how_);
    BITNET_CHECK(runner.prompt(test_.prompt));
    return runner.generate(std::min(test_.generate, 1));
  }

  Result<Sample> repetition(const RoofBuffer& roof) {
    Runner runner(model_, sequence_, how_);
    sequence_.truncate(0);
    BITNET_CHECK(runner.prompt(test_.depth));
    BITNET_TRY(const double roof_bytes_per_second, roof.bytes_per_second());
    Sample sample{.roof_bytes_per_second = roof_bytes_per_second};
    const auto begin = Clock::now();
    BITNET_CHECK(runner.prompt(test_.prompt));
    BITNET_CHECK(runner.generate(test_.generate));
    sample.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return sample;
  }

 private:
  Series(Model& model, Sequence sequence, const Test& test, const How& how)
      : model_(model), sequence_(std::move(sequence)), test_(test), how_(how) {}
  Model& model_;
  Sequence sequence_;
  Test test_;
  const How& how_;
};

Measurement begin_of(const Model& model, const Test& test) {
  return {.test = test,
          .threads = model.threads(),
          .bytes_per_token = model.weight_bytes_per_token(),
          .kernels = model.kernels_in_use(),
          .test_time = now_utc()};
}

// A repetition more of one series.
Result<void> repeat(Series& series, std::vector<Sample>& samples, const RoofBuffer& roof) {
  BITNET_TRY(const Sample sample, series.repetition(roof));
  samples.push_back(sample);
  return {};
}

std::string counted(int i, const How& how) { return fmt::format("{}/{}", i + 1, how.repetitions); }

}  // namespace

Result<Measurement> measure(Model& model, const Test& test, const RoofBuffer& roof,
                            const How& how) {
  Measurement result = begin_of(model, test);
  BITNET_TRY(Series series, Series::make(model, test, how));
  if (how.warm_up) {
    how.step("warm-up");
    BITNET_CHECK(series.warm_up());
  }
  for (int i = 0; i < how.repetitions; ++i) {
    how.step(counted(i, how));
    BITNET_CHECK(repeat(series, result.samples, roof));
  }
  return result;
}

Result<Measurement> compare(Model& model, Model& other, const std::string& name, const Test& test,
                            const RoofBuffer& roof, const How& how) {
  Measurement result = begin_of(model, test);
  Versus& versus = result.versus.emplace(name, other.kernels_in_use());
  BITNET_TRY(Series a, Series::make(model, test, how));
  BITNET_TRY(Series b, Series::make(other, test, how));
  if (how.warm_up) {
    how.step("warm-up");
    BITNET_CHECK(a.warm_up());
    BITNET_CHECK(b.warm_up());
  }
  for (int i = 0; i < how.repetitions; ++i) {
    how.step(counted(i, how));
    const bool b_first = i % 2 == 1;
    if (b_first) BITNET_CHECK(repeat(b, versus.samples, roof));
    BITNET_CHECK(repeat(a, result.samples, roof));
    if (!b_first) BITNET_CHECK(repeat(b, versus.samples, roof));
  }
  return result;
}

}  // namespace bitnet::bench
