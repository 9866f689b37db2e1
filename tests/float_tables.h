// Every table of float kernels that this CPU can run, as the parameter of a test.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model/float_kernels.h"
#include "tests/float_inputs.h"

namespace bitnet {

class FloatKernels : public ::testing::TestWithParam<const BnFloatKernels*> {
 protected:
  const BnFloatKernels& kernels() { return *GetParam(); }
  const BnFloatKernels& reference_ = reference_float_kernels();
};

inline std::vector<const BnFloatKernels*> runnable_tables() {
  std::vector<const BnFloatKernels*> tables;
  for (const auto& [level, table] : float_tables())
    if (reported_isa().has(level)) tables.push_back(table);
  return tables;
}

inline std::string name_of_table(const ::testing::TestParamInfo<const BnFloatKernels*>& info) {
  return info.param->name;
}

// A copy that ends where an AddressSanitizer build notices reading past it.
template <typename T>
std::unique_ptr<T[]> exact(const std::vector<T>& x) {
  auto copy = std::make_unique<T[]>(x.size());
  std::copy(x.begin(), x.end(), copy.get());
  return copy;
}

}  // namespace bitnet
