// AArch64's kernels against the reference and its vocabularies against their twins, for qemu-user:
// kernel_exact_test and vocabulary_test in short, without a test library.
#include <cstdio>

#include "aarch64_kernels.inc"
#include "tests/kernel_case.h"
#include "tests/vocabulary_cases.h"
#include "vocabularies_aarch64.inc"

namespace bitnet {
namespace {

int failures = 0;

void expect(bool right, const std::string& what) {
  if (right) return;
  std::printf("FAILED %s\n", what.c_str());
  ++failures;
}

void check(const BuiltinKernel& kernel) {
  std::mt19937 random(17);
  const auto pick = [&](uint32_t most) { return 1 + static_cast<int64_t>(random() % most); };
  for (uint32_t i = 0; i < 60; ++i) {
    const KernelCase c({pick(9), 2 * pick(40), pick(i % 4 == 0 ? 1500 : 200)}, i);
    const auto epilogue = static_cast<BnEpilogue>(i % 5);
    const auto parts = static_cast<int64_t>(i % 3);
    expect(c.run(kernel.functions, epilogue, parts, parts) == c.want(epilogue),
           to_string(kernel.name) + " of seed " + std::to_string(i));
  }
  for (const Fill fill : {Fill::plus_plus, Fill::plus_minus, Fill::minus_plus}) {
    const KernelCase c({1, 34, 65536}, 1, fill);
    expect(c.run(kernel.functions, BN_INT32) == c.want(BN_INT32),
           to_string(kernel.name) + " at an extreme");
  }
}

}  // namespace
}  // namespace bitnet

int main() {
  using namespace bitnet;
  for (const BuiltinKernel& kernel : kernel_table_aarch64_kernels) check(kernel);
  for (const Vocabulary& vocabulary : kVocabularies) {
    const std::string difference = vocabulary_difference(vocabulary, 2000);
    expect(difference.empty(), difference);
  }
  std::printf("%zu kernels, %d failures\n", kernel_table_aarch64_kernels.size(), failures);
  return failures == 0 ? 0 : 1;
}
