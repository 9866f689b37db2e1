// What a model file says of its architecture, checked and complete; its tensors are model_file.h's.
// The activation is what the file says, else what the architecture's name means; an unknown
// architecture is refused, and so is every key that asks for more than this (known_keys.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/gguf/reader.h"
#include "runtime/kernel/problem.h"
#include "runtime/model/architecture.h"
#include "runtime/model/file_options.h"
#include "runtime/model/rope_scaling.h"

namespace bitnet {

struct Hparams {
  std::string architecture;             // as in the file
  std::string name;                     // general.name, printable, may be empty
  const Architecture* graph = nullptr;  // its row of the table
  GateActivation gate = GateActivation::silu;
  int64_t vocabulary = 0, context = 0;
  int64_t hidden = 0, feed_forward = 0, layers = 0;
  int64_t heads = 0, kv_heads = 0, head_size = 0;  // kv_heads divides heads
  RopeSettings rope;
  float rms_epsilon = 1e-5F;
  // Factors of embedding rows, of what a block adds, and of logits, each rounded once; 1 where the
  // architecture has none.
  float embedding_scale = 1, residual_scale = 1, logit_factor = 1;

  LinearShapes linear_shapes() const;
};
// Says in `notices` what was assumed and what is ignored.
Result<Hparams> read_hparams(const Gguf& file, const ModelFileOptions& options,
                             std::vector<std::string>& notices);

}  // namespace bitnet
