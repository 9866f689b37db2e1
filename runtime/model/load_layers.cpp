#include "runtime/model/load_layers.h"

#include <array>
#include <functional>

namespace bitnet {
namespace {

constexpr size_t kProblems = 4;
using LayerRows = std::array<ProblemRows, kProblems>;

// In the order of problems_of.
LayerRows rows_of(const LayerTensors& t) {
  return {ProblemRows::stacked({&t.q, &t.k, &t.v}), ProblemRows::stacked({&t.output}),
          ProblemRows::alternating(t.gate, t.up), ProblemRows::stacked({&t.down})};
}

constexpr std::unique_ptr<Linear> Layer::* kMembers[kProblems] = {&Layer::qkv, &Layer::output,
                                                                  &Layer::gate_up, &Layer::down};

// Packed weights are all that runs: without this, pages of the file stay beside them in memory,
// 1.4 GB where 2B-4T needs 0.9.
std::function<void(const ProblemRows&)> releases_from(const Gguf& file) {
  return [&file](const ProblemRows& rows) {
    for (const TernaryMatrix* part : rows.parts()) file.release(part->data());
  };
}

Layer with_norms(const LayerTensors& t) {
  Layer layer;
  layer.attn_norm = t.attn_norm;
  layer.attn_sub_norm = t.attn_sub_norm;
  layer.ffn_norm = t.ffn_norm;
  layer.ffn_sub_norm = t.ffn_sub_norm;
  return layer;
}

}  // namespace

Result<std::vector<Layer>> load_layers(const ModelFile& file,
                                       const std::vector<ProblemKernels>& kernels,
                                       const BnFloatKernels& floats, ThreadPool& pool,
                                       const std::function<void(double)>& progress,
                                       const std::function<bool()>& stop) {
  const std::vector<Problem> problems = problems_of(file.hparams.linear_shapes());
  std::vector<LayerRows> rows;
  for (const LayerTensors& tensors : file.layers) rows.push_back(rows_of(tensors));
  std::vector<std::array<PackedWeights, kProblems>> packed(rows.size());
  std::vector<PackJob> jobs;
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t p = 0; p < kProblems; ++p)
      jobs.push_back({&rows[i][p], &kernels[p], &packed[i][p]});
  BITNET_CHECK(pack_weights(
      pool, jobs, {.progress = progress, .packed = releases_from(file.file), .stop = stop}));

  std::vector<Layer> layers;
  for (size_t i = 0; i < rows.size(); ++i) {
    Layer& layer = layers.emplace_back(with_norms(file.layers[i]));
    for (size_t p = 0; p < kProblems; ++p)
      layer.*kMembers[p] = std::make_unique<KernelLinear>(
          problems[p], rows[i][p].segments(), kernels[p], std::move(packed[i][p]), floats);
  }
  return layers;
}

Result<std::vector<Layer>> load_float_layers(const ModelFile& file, const BnFloatKernels& floats,
                                             ThreadPool& pool, const std::function<bool()>& stop) {
  // The reference's packing is the trits themselves.
  std::vector<ProblemKernels> kernels;
  const std::vector<Problem> problems = problems_of(file.hparams.linear_shapes());
  const auto reference = make_reference_source();
  for (const Problem& problem : problems) kernels.push_back(*reference->find(problem));

  std::vector<Layer> layers;
  for (const LayerTensors& tensors : file.layers) {
    const LayerRows rows = rows_of(tensors);
    Layer& layer = layers.emplace_back(with_norms(tensors));
    for (size_t p = 0; p < kProblems; ++p) {
      PackedWeights trits;
      const PackJob job{&rows[p], &kernels[p], &trits};
      BITNET_CHECK(
          pack_weights(pool, {&job, 1}, {.packed = releases_from(file.file), .stop = stop}));
      layer.*kMembers[p] = std::make_unique<FloatLinear>(problems[p], rows[p].segments(),
                                                         std::move(trits.copies.front()), floats);
    }
  }
  return layers;
}

}  // namespace bitnet
