// Speed of prompts (pp) and generation (tg) through the library's interface, as llama-bench defines
// them: tokens are arbitrary, tokenising and sampling are not counted, one warm-up run comes first.
// Beside each repetition the roof is read: the bytes of one token's weights by the same threads.
// Two models are compared in rounds of one repetition each, A B, B A, A B ..: neither always runs
// in the other's wake.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/session.h"
#include "tools/bench/ratio.h"

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

// The other model of a comparison: same file and test, other kernels.
struct Versus {
  std::string name{};             // as --vs had it
  std::string kernels{};          // Model::kernels_in_use
  std::vector<Sample> samples{};  // [round], beside those of the measurement
};

struct Measurement {
  Test test{};
  int threads = 1;
  std::vector<Sample> samples{};
  uint64_t bytes_per_token = 0;  // weights read to generate one token
  std::string kernels{};         // Model::kernels_in_use
  std::string test_time{};       // UTC, ISO 8601
  std::optional<Versus> versus{};

  int tokens() const { return test.prompt + test.generate; }
  std::vector<double> rates() const;  // tokens a second
  // Of generation: weight bytes a second; 0 for tests with a prompt.
  double gigabytes_per_second() const;
  double roof_share() const;  // median over repetitions of rate / that repetition's roof
  // With versus: its rates; in each round, this rate / that one.
  std::vector<double> versus_rates() const;
  std::vector<double> ratios() const;
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
struct How {
  int repetitions = 5;
  bool warm_up = true;
  CacheTypes kv{};
  OnStep step{};
  std::function<bool()> stop = [] {
    return false;
  };  // asked before each evaluation; error kind interrupted
};
Result<Measurement> measure(Model& model, const Test& test, const RoofBuffer& roof, const How& how);
// Both in turns. name: of the other one.
Result<Measurement> compare(Model& model, Model& other, const std::string& name, const Test& test,
                            const RoofBuffer& roof, const How& how);

}  // namespace bitnet::bench
