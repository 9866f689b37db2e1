// From the tensors of a model file to layers that run: every matrix decoded, checked and packed on
// all threads.
#pragma once

#include <functional>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/kernel/packed_weights.h"
#include "runtime/model/forward.h"

namespace bitnet {

// kernels: of file.problems(), in that order; file, kernels and floats
// must outlive the layers. progress and stop: as in PackEvents.
Result<std::vector<Layer>> load_layers(const ModelFile& file,
                                       const std::vector<ProblemKernels>& kernels,
                                       const BnFloatKernels& floats, ThreadPool& pool,
                                       const std::function<void(double)>& progress = {},
                                       const std::function<bool()>& stop = {});

// For --activations float: trits as bytes, a byte a weight.
Result<std::vector<Layer>> load_float_layers(const ModelFile& file, const BnFloatKernels& floats,
                                             ThreadPool& pool,
                                             const std::function<bool()>& stop = {});

}  // namespace bitnet
