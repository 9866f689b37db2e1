// The forward pass: a block of tokens, of one or several sequences, through all layers in one piece
// of work of the pool. Inside, threads meet at barriers; a layer is
//
//   norm, quantise, prepare | q k v | norms of heads, RoPE, store keys and values | attend
//                           | sub-norm, quantise, prepare | output, added
//   norm, quantise, prepare | gate and up, activation
//                           | sub-norm, quantise, prepare | down, added
//
// Which of the norms there are, and what else differs between architectures, is data
// (architecture.h). Every float is defined by docs/NUMERICS.md, so neither the division among
// threads nor that into blocks shows.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/model/attention.h"
#include "runtime/model/float_kernels.h"
#include "runtime/model/head.h"
#include "runtime/model/linear.h"
#include "runtime/model/model_file.h"
#include "runtime/model/rope_table.h"
#include "runtime/threads/pool.h"

namespace bitnet {

// A layer ready to run: what ModelFile has, packed.
struct Layer {
  std::unique_ptr<Linear> qkv, output, gate_up, down;
  // Of the products' inputs; empty: the input as it comes.
  std::span<const float> attn_norm, attn_sub_norm, ffn_norm, ffn_sub_norm;
  HeadNorms head_norms;
};

class Forward {
 public:
  // batch: most tokens of a block. file, floats and pool must outlive it.
  Forward(const ModelFile& file, std::vector<Layer> layers, const BnFloatKernels& floats,
          ThreadPool& pool, int64_t batch);

  int64_t batch() const { return batch_; }
  uint64_t weight_bytes_per_token() const;

  // Evaluates one block: ids[i] at places[i], at most batch() of them, those of one sequence in
  // ascending order. The head computes what `wants` asks for (HeadRequest::token is an index into
  // ids). An error where a row of the embedding holds a number that is not finite; nothing of the
  // block may be used then.
  Result<void> evaluate(std::span<const int32_t> ids, std::span<const TokenPlace> places,
                        std::span<const HeadRequest> wants);

 private:
  // Activations of a block, float [batch][ld].
  struct Rows {
    int64_t ld = 0;
    AlignedBuffer buffer;
    float* data() { return buffer.as<float>(); }
    const float* data() const { return buffer.as<float>(); }
  };
  static Rows make_rows(int64_t tokens, int64_t width);

  void embed(std::span<const int32_t> ids, Share who);
  void note_not_finite(int64_t token);
  // Normalises rows of from[tokens][ld] (gain empty: takes them as they are) and hands them to
  // `linear`.
  void feed(const Linear& linear, const float* from, int64_t ld, std::span<const float> gain,
            int64_t tokens, Share who);
  // A product of the rows of `from`, from barrier to barrier.
  void product(const Linear& linear, std::span<const float> gain, const Rows& from, Rows& to,
               int64_t tokens, int thread);
  void layer(int64_t index, std::span<const TokenPlace> places, int thread);

  const ModelFile& file_;
  std::vector<Layer> layers_;
  const BnFloatKernels& floats_;
  ThreadPool& pool_;
  int64_t batch_;
  std::atomic<int64_t> first_not_finite_{0};  // token of the block, by its embedding
  RopeTables rope_;
  Attention attention_;
  Head head_;

  // Residual stream; q, k, v; attention's result; activation(gate) * up.
  Rows x_, qkv_, attended_, gated_;
  LinearInput input_;
  std::vector<AlignedBuffer> normed_;          // a row of each thread
  std::vector<AlignedBuffer> attend_scratch_;  // of each thread
};

}  // namespace bitnet
