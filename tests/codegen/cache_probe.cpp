// Loads the leaf's cache both ways, runs it and compares with plain loops: for a CPU that the tests
// do not run on, under qemu.     cache_probe FILE ISA SHAPES
#include <cstdio>

#include "runtime/kernel/cache.h"
#include "tests/codegen/leaf_product.h"

using namespace bitnet;

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  IsaSet isa;
  isa.add(parse_isa(argv[2]).value_or(Isa::scalar));
  for (auto how : {LoadedCache::How::map, LoadedCache::How::dlopen}) {
    const auto cache = LoadedCache::load(argv[1], isa, argv[3], 1, how);
    if (!cache) {
      std::puts(cache.error().message.c_str());
      return 1;
    }
    const ProblemRecord& problem = (*cache)->plan().problems.front();
    const auto found = (*cache)->find(problem.problem);
    if (!found ||
        !codegen::computes_right(found->classes.front().functions, found->classes.front().sizes,
                                 problem.problem.n, problem.problem.k)) {
      std::puts("wrong result");
      return 1;
    }
  }
  std::puts("ok");
  return 0;
}
