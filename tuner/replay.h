// Times kernels where they will work: inside a whole token. A replay runs all ternary products of
// all layers in the order of a forward pass, through one packed copy a layer, with the threads that
// will be used; the clock is read around each call. What lies in between (attention, norms) is left
// out: it moves far fewer bytes.
//
// A call is what the runtime does for one product (runtime/kernel/product.h): prepare by tokens,
// barrier, run by parts, barrier.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/kernel/product.h"
#include "runtime/threads/pool.h"
#include "tuner/packed_stack.h"

namespace bitnet::tuner {

// A kernel for one problem and the weights that were packed for it (equal packing keys).
struct Runner {
  BnSizes sizes{};
  KernelFunctions functions{};
  const PackedStack* weights = nullptr;
};

class Replay {
 public:
  // tokens: M of every call. layers: at most those of each stack. repeats: replays a sample, for
  // small models.
  Replay(ThreadPool& pool, std::vector<Problem> problems, int64_t tokens, int layers);

  // runners[i] for problems[i]. Seconds of one call of each problem: the lower quartile over layers
  // and repeats, so that calls during which somebody else had a core do not count, even where that
  // is every other one.
  std::vector<double> run(std::span<const Runner> runners);
  void set_repeats(int repeats) { repeats_ = repeats; }
  int repeats() const { return repeats_; }
  int64_t tokens() const { return tokens_; }
  int layers() const { return layers_; }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  // Products of the layers in the order of a forward pass.
  std::vector<Product> products_of(std::span<const Runner> runners) const;
  void reserve(std::span<const Product> products);
  void call(const Product& product, int thread);

  ThreadPool& pool_;
  std::vector<Problem> problems_;
  int64_t tokens_;
  int layers_, repeats_ = 1;
  int64_t ldx_ = 0, ldy_ = 0;
  AlignedBuffer x_, scales_, y_, form_;
  std::vector<AlignedBuffer> scratch_;
};

// Of each problem's calls.
std::vector<double> lower_quartiles(std::vector<std::vector<double>> seconds);

}  // namespace bitnet::tuner
