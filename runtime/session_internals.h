// What our own programs, tests and measurements ask of a model and a client of session.h does not
// need: it names kernels and tables of floats, which may change with any version. A friend of Model
// and not a part of it, so that session.h includes none of that.
#pragma once

#include <string>

#include "runtime/kernel/kernel.h"
#include "runtime/model/float_kernels.h"
#include "runtime/session.h"

namespace bitnet {

struct ModelInternals {
  // Model::load, but kernels from `first` come before all others, for measurements and checks; it
  // must outlive the model.
  static Result<Model> load(const std::string& path, const ModelOptions& options,
                            const KernelSource& first);
  // The table that this model computes with: what a Sampler or a log-likelihood needs of it.
  static const BnFloatKernels& float_kernels(const Model& model);
  // A line for each problem and class of tokens: which kernel serves it.
  static std::string kernel_table(const Model& model);
};

}  // namespace bitnet
