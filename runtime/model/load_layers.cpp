#include "runtime/model/load_layers.h"

#include <functional>

#include "runtime/model/problem_rows.h"

namespace bitnet {
namespace {

constexpr ProblemKind kKinds[] = {ProblemKind::qkv, ProblemKind::output, ProblemKind::gate_up,
                                  ProblemKind::down};
constexpr std::unique_ptr<Linear> Layer::* kMembers[] = {&Layer::qkv, &Layer::output,
                                                         &Layer::gate_up, &Layer::down};
constexpr size_t kProblems = std::size(kKinds);

// Of every layer in turn, in the order of problems_of.
std::vector<ProblemRows> rows_of(std::span<const LayerTensors> layers) {
  std::vector<ProblemRows> rows;
  for (const LayerTensors& tensors : layers)
    for (const ProblemKind kind : kKinds) rows.push_back(problem_rows(tensors, kind));
  return rows;
}

// Packed weights are all that runs: without this, pages of the file stay beside them in memory,
// 1.4 GB where 2B-4T needs 0.9.
void release(const Gguf& file, const ProblemRows& rows) {
  for (const TernaryMatrix* part : rows.parts()) file.release(part->data());
}

Layer with_norms(const LayerTensors& t) {
  Layer layer;
  layer.attn_norm = t.attn_norm;
  layer.attn_sub_norm = t.attn_sub_norm;
  layer.ffn_norm = t.ffn_norm;
  layer.ffn_sub_norm = t.ffn_sub_norm;
  layer.head_norms = {t.q_norm, t.k_norm};
  return layer;
}

}  // namespace

Result<std::vector<Layer>> load_layers(const ModelFile& file,
                                       const std::vector<ProblemKernels>& kernels,
                                       const BnFloatKernels& floats, ThreadPool& pool,
                                       const std::function<void(double)>& progress,
                                       const std::function<bool()>& stop) {
  const std::vector<Problem> problems = file.problems();
  const std::vector<ProblemRows> rows = rows_of(file.layers);
  std::vector<PackedWeights> packed;
  std::vector<PackJob> jobs;
  for (size_t i = 0; i < rows.size(); ++i) {
    const ProblemKernels& of_problem = kernels[i % kProblems];
    packed.emplace_back(of_problem);
    jobs.push_back(packed[i].job(problems[i % kProblems], of_problem,
                                 rows[i].weights(problems[i % kProblems].group)));
  }
  BITNET_CHECK(pack_weights(pool, jobs,
                            {.progress = progress,
                             .packed = [&](size_t job) { release(file.file, rows[job]); },
                             .stop = stop}));

  std::vector<Layer> layers;
  for (const LayerTensors& tensors : file.layers) layers.push_back(with_norms(tensors));
  for (size_t i = 0; i < rows.size(); ++i)
    layers[i / kProblems].*kMembers[i % kProblems] =
        std::make_unique<KernelLinear>(problems[i % kProblems], rows[i].segments(),
                                       kernels[i % kProblems], std::move(packed[i]), floats);
  return layers;
}

Result<std::vector<Layer>> load_float_layers(const ModelFile& file, const BnFloatKernels& floats,
                                             ThreadPool& pool, const std::function<bool()>& stop) {
  for (const int64_t group : file.groups)
    if (group)
      return fail(Error::Kind::unsupported,
                  "{}: float activations take one scale a matrix, this model has one for every {} "
                  "weights",
                  file.file.path(), group);
  // The reference's packing is the trits themselves.
  std::vector<ProblemKernels> kernels;
  const std::vector<Problem> problems = file.problems();
  const auto reference = make_reference_source();
  for (const Problem& problem : problems) kernels.push_back(*reference->find(problem));

  std::vector<Layer> layers;
  for (const LayerTensors& tensors : file.layers) {
    Layer& layer = layers.emplace_back(with_norms(tensors));
    for (size_t p = 0; p < kProblems; ++p) {
      const ProblemRows rows = problem_rows(tensors, kKinds[p]);
      PackedWeights trits(kernels[p]);
      const PackJob job = trits.job(problems[p], kernels[p], rows.weights(0));
      BITNET_CHECK(pack_weights(
          pool, {&job, 1}, {.packed = [&](size_t) { release(file.file, rows); }, .stop = stop}));
      layer.*kMembers[p] =
          std::make_unique<FloatLinear>(problems[p], rows.segments(), trits.take_copy(), floats);
    }
  }
  return layers;
}

}  // namespace bitnet
