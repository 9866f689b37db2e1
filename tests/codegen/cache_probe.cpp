// Loads the leaf's cache both ways, runs it and compares with plain loops: for a CPU that the tests
// do not run on, under qemu.     cache_probe FILE ISA SHAPES
#include <cstdio>
#include <vector>

#include "runtime/kernel/cache.h"

namespace {

using namespace bitnet;

bool right(const KernelFunctions& f) {
  constexpr int64_t kN = 5, kK = 48;
  std::vector<int8_t> trits(kN * kK), x(kK);
  for (size_t i = 0; i < trits.size(); ++i)
    trits[i] = static_cast<int8_t>(static_cast<int>(i * i % 7 % 3) - 1);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int8_t>(static_cast<int>(i) * 5 - 100);
  std::vector<uint8_t> packed(trits.size() + 256), form(x.size() + 256);
  const BnPack pack{kN, kK, 0, kN, trits.data(), packed.data()};
  f.pack(&pack);
  const BnPrepare prepare{kK, 0, 1, x.data(), kK, form.data()};
  f.prepare(&prepare);
  std::vector<int32_t> y(kN);
  const BnRun run{kN,      kK,      0, 1,        0,        kN, packed.data(), form.data(), nullptr,
                  nullptr, nullptr, 0, BN_INT32, y.data(), kN};
  f.run(&run);
  for (size_t n = 0; n < y.size(); ++n) {
    int32_t dot = 0;
    for (size_t i = 0; i < x.size(); ++i) dot += trits[n * x.size() + i] * x[i];
    if (y[n] != dot) return false;
  }
  return true;
}

}  // namespace

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
    if (!found || !right(found->classes.front().functions)) {
      std::puts("wrong result");
      return 1;
    }
  }
  std::puts("ok");
  return 0;
}
