// One ternary product, from int8 activations to results, as the threads of a pool share it: the
// kernels of a problem by token class, each with the packed copy that it reads. This is the one
// place that chooses a kernel for so many tokens, divides the work and fills in what a kernel is
// called with. The runtime, the tuner's replays and checks, benchmarks and tests all go through it,
// so what is timed and checked is what runs.
//
//   prepare  ranges of tokens, by any threads    activations -> the kernel's form
//   -- barrier --
//   run      a thread's part, with the epilogue  form, packed weights -> Y
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/base/range.h"
#include "runtime/kernel/kernel.h"

namespace bitnet {

// Which part of the pool a thread is.
struct Share {
  int thread = 0, threads = 1;
};

// A kernel for evaluations of up to m_max tokens, at the problem's shape.
struct ProductKernel {
  int64_t m_max = kAnyTokens;
  BnSizes sizes{};
  KernelFunctions functions{};
  const uint8_t* packed = nullptr;  // sizes.packed_bytes, packed by functions.pack
};

// The activations of one evaluation: views. Alignment and room past the ends as abi/kernel.h says.
struct ProductInput {
  int64_t tokens = 0;
  const int8_t* x = nullptr;  // [tokens][ldx], -127..127
  int64_t ldx = 0;            // elements
  // [tokens], not read by BN_INT32; with groups [tokens][K/group]
  const float* scales = nullptr;
  uint8_t* form = nullptr;  // form_bytes(tokens)
};

// Y[tokens][ldy], int32_t or float as the epilogue says; N columns, N/2 for gate and up.
struct ProductOutput {
  void* y = nullptr;
  int64_t ldy = 0;           // elements
  float residual_scale = 1;  // r of BN_SCALED_ADD
};

// (tokens) x (rows) of a product.
struct Part {
  Range tokens, rows;
};

class Product {
 public:
  // kernels: classes ascending, the last one's m_max kAnyTokens.
  Product(const Problem& problem, std::vector<BnSegment> segments,
          std::vector<ProductKernel> kernels);

  const Problem& problem() const { return problem_; }
  // The kernel for evaluations of so many tokens.
  const ProductKernel& kernel(int64_t tokens) const;
  // Bytes of the form of any number of tokens up to `tokens`, and of scratch for a thread.
  int64_t form_bytes(int64_t tokens) const;
  int64_t scratch_bytes() const;
  // Token ranges for prepare begin at multiples of this.
  int64_t token_group(int64_t tokens) const { return kernel(tokens).sizes.form_group_tokens; }
  // A thread's part: of the axis that the kernel wants divided; of rows where tokens are too few to
  // go round. Parts begin at the kernel's steps, and a gate row and its up row stay together.
  Part part_of(int64_t tokens, Share who) const;

  void prepare(Range tokens, const ProductInput& in) const;
  void run(const Part& part, const ProductInput& in, uint8_t* scratch,
           const ProductOutput& out) const;

 private:
  Problem problem_;
  std::vector<BnSegment> segments_;
  std::vector<ProductKernel> kernels_;
};

// Rows of a matrix, given as trits [rows.size()][K] and, where the problem has groups, F16 scales
// [rows.size()][K/group], into their place in its packed copy.
void pack_rows(const Problem& problem, BnPackFn* pack, Range rows, const int8_t* trits,
               const uint16_t* scales, uint8_t* packed);

// Segments that give all of a problem's rows one weight scale: timing and checks need no more.
std::vector<BnSegment> one_scale(const Problem& problem, float scale);

}  // namespace bitnet
