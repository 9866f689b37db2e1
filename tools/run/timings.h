// What took how long, printed in llama.cpp's manner.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bitnet {

class Stopwatch {
 public:
  double milliseconds() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_)
        .count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Timings {
  Stopwatch total;
  double load_ms = 0, prompt_ms = 0, eval_ms = 0, sample_ms = 0;
  int64_t prompt_tokens = 0, eval_tokens = 0, sampled = 0;

  // weight_bytes: read for one token
  std::string table(uint64_t weight_bytes) const;
};

}  // namespace bitnet
