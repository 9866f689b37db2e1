// One ternary matrix product of a layer, from float activations to float results, as the threads of
// the pool share it:
//
//   take     one token's float activations, by any thread            (quantises them)
//   prepare  a range of tokens, all of them taken by the same thread  (makes the kernel's form)
//   -- barrier --
//   run      this thread's part of the product, with its epilogue
//
// Two kinds: on int8 activations through the kernels of a problem, and on float activations
// (--activations float), a slow path to compare with.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/kernel/packed_weights.h"
#include "runtime/kernel/product.h"
#include "runtime/model/float_kernels.h"

namespace bitnet {

// Room for one product's input, used by all products in turn: sized for the largest.
struct LinearInput {
  int64_t capacity = 0;  // tokens
  int64_t ld = 0;        // elements of a row of x and floats: the largest K, a multiple of 64
  AlignedBuffer x;       // int8 [capacity][ld]
  AlignedBuffer scales;  // float [capacity], with groups [capacity][K/group]
  AlignedBuffer form;    // what prepare makes of x
  AlignedBuffer floats;  // float [capacity][ld], for float activations only
  std::vector<AlignedBuffer> scratch;  // of each thread
};

// Y[tokens][ldy]; N columns, N/2 for gate and up.
struct LinearOutput {
  float* y = nullptr;
  int64_t ldy = 0;           // elements
  float residual_scale = 1;  // of what is added to Y, where the product adds to it
};

class Linear {
 public:
  virtual ~Linear() = default;

  int64_t n() const { return problem_.n; }
  int64_t k() const { return problem_.k; }

  // What LinearInput must have: bytes of form for up to `tokens`, and of scratch for a thread.
  virtual int64_t form_bytes(int64_t tokens) const = 0;
  virtual int64_t scratch_bytes() const = 0;
  // Token ranges for prepare begin at multiples of this.
  virtual int64_t token_group(int64_t tokens) const = 0;

  // x[k], 64-byte aligned
  virtual void take(const float* x, int64_t token, LinearInput& input) const = 0;
  virtual void prepare(int64_t m0, int64_t m1, int64_t tokens, LinearInput& input) const = 0;
  // Writes to its thread's scratch in input.
  virtual void run(int64_t tokens, LinearInput& input, const LinearOutput& out,
                   Share share) const = 0;
  // Weight bytes read for one token.
  virtual uint64_t bytes_per_token() const = 0;

 protected:
  explicit Linear(const Problem& problem) : problem_(problem) {}
  Problem problem_;
};

class KernelLinear final : public Linear {
 public:
  // weights were packed for kernels.
  KernelLinear(const Problem& problem, std::vector<BnSegment> segments,
               const ProblemKernels& kernels, PackedWeights weights, const BnFloatKernels& floats)
      : Linear(problem),
        weights_(std::move(weights)),
        product_(problem, std::move(segments), weights_.product_kernels(kernels)),
        floats_(floats) {}

  int64_t form_bytes(int64_t tokens) const override { return product_.form_bytes(tokens); }
  int64_t scratch_bytes() const override { return product_.scratch_bytes(); }
  int64_t token_group(int64_t tokens) const override { return product_.token_group(tokens); }
  void take(const float* x, int64_t token, LinearInput& input) const override;
  void prepare(int64_t m0, int64_t m1, int64_t tokens, LinearInput& input) const override;
  void run(int64_t tokens, LinearInput& input, const LinearOutput& out, Share share) const override;
  uint64_t bytes_per_token() const override;

 private:
  PackedWeights weights_;
  Product product_;
  const BnFloatKernels& floats_;
};

class FloatLinear final : public Linear {
 public:
  // trits: int8 [n][k], decoded as they are
  FloatLinear(const Problem& problem, std::vector<BnSegment> segments, AlignedBuffer trits,
              const BnFloatKernels& floats)
      : Linear(problem),
        segments_(std::move(segments)),
        trits_(std::move(trits)),
        floats_(floats) {}

  int64_t form_bytes(int64_t) const override { return 0; }
  int64_t scratch_bytes() const override { return 0; }
  int64_t token_group(int64_t) const override { return 1; }
  void take(const float* x, int64_t token, LinearInput& input) const override;
  void prepare(int64_t, int64_t, int64_t, LinearInput&) const override {}
  void run(int64_t tokens, LinearInput& input, const LinearOutput& out, Share share) const override;
  uint64_t bytes_per_token() const override { return trits_.bytes(); }

 private:
  float row(const float* x, int64_t n) const;  // one result, scaled
  std::vector<BnSegment> segments_;
  AlignedBuffer trits_;
  const BnFloatKernels& floats_;
};

}  // namespace bitnet
