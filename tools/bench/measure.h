// Speed of prompts (pp) and generation (tg) through the library's interface, as llama-bench defines
// them: tokens are arbitrary, tokenising and sampling are not counted, one warm-up run comes first.
// Beside each repetition the roof is read: the bytes of one token's weights by the same threads.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/session.h"

namespace bitnet::bench {

struct Test {
  int prompt = 0, generate = 0, depth = 0;  // tokens; depth: of context before the clock starts
};
std::string name(const Test& test);  // pp512, tg128, pp512+tg128, "... @ d1024"

struct CacheTypes {  // of keys and values
  KvType k = KvType::f16, v = KvType::f16;
};

struct Sample {
  double seconds = 0;
  double roof_bytes_per_second = 0;
};

struct Measurement {
  Test test{};
  int threads = 1;
  std::vector<Sample> samples{};
  uint64_t bytes_per_token = 0;  // weights read to generate one token
  std::string kernels{};         // Model::kernels_in_use
  std::string test_time{};       // UTC, ISO 8601

  int tokens() const { return test.prompt + test.generate; }
  std::vector<double> rates() const;  // tokens a second
  // Of generation: weight bytes a second; 0 for tests with a prompt.
  double gigabytes_per_second() const;
  double roof_share() const;  // median over repetitions of rate / that repetition's roof
};

double mean(const std::vector<double>& values);
double deviation(const std::vector<double>& values);  // of a sample, n - 1

// Reads `bytes` from memory of its own, in huge pages, with `threads` threads.
class RoofBuffer {
 public:
  RoofBuffer(uint64_t bytes, int threads);
  Result<double> bytes_per_second() const;

 private:
  AlignedBuffer buffer_;
  int threads_;
};

using OnStep = std::function<void(const std::string& what)>;
Result<Measurement> measure(Model& model, const Test& test, int repetitions, bool warm_up,
                            CacheTypes kv, const RoofBuffer& roof, const OnStep& step);

}  // namespace bitnet::bench
