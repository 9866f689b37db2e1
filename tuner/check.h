// No kernel is timed that was not checked: on the shape it will be used for, its results equal the
// scalar reference's, integers exactly and floats to the bit, on random weights and on the extremes
// (activations of -127 and 127 with all weights +1 or -1, where every narrower accumulator is at
// its proved bound).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/result.h"
#include "runtime/kernel/product.h"

namespace bitnet::tuner {

// For all kernels of one problem and token class: the reference computes once.
class Checker {
 public:
  Checker(const Problem& problem, int64_t m_min, int64_t m_max);
  ~Checker();

  // As many tokens and rows as the kernel's facts ask for, at the beginning and at the end of N,
  // all of K; and every smaller number of tokens. Thread-safe.
  Result<void> check(const std::string& name, const BnSizes& sizes,
                     const KernelFunctions& functions);

 private:
  struct Expected;
  const Expected& expected(int64_t tokens, int64_t part_rows);

  Problem problem_;
  int64_t m_min_, m_max_;
  std::mutex mutex_;
  // By tokens, and rows of a part.
  std::map<std::pair<int64_t, int64_t>, std::unique_ptr<Expected>> expected_;
};

}  // namespace bitnet::tuner
