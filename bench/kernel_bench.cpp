// Speed of every built-in kernel that this CPU can run, by itself:
//   stream/<kernel>/threads:T   one token over 440 MB of packed weights (copies of one 6912 x 2560
//                               matrix), so from memory; roof% is the share of the plain read of
//                               the same bytes, taken in the same round, median over rounds
//   cache/<kernel>              one token, 512 x 2560, weights in L2: w_per_ns
//   tokens/<kernel>/M           M tokens, 2560 x 2560, one thread: GMAC/s; every M to 16 shows what
//                               tiles that are not full cost
// A kernel that differs from the reference is an error, not a figure. Examples:
//   kernel_bench --benchmark_filter=stream/gemv
//   kernel_bench --benchmark_filter=tokens/small --benchmark_out=small.csv
//   --benchmark_out_format=csv
// The replay of a whole token (bitnet-tune, bitnet-bench) is the headline; this is the diagnosis.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/statistics.h"
#include "runtime/cpu/isa.h"
#include "runtime/cpu/roof.h"
#include "runtime/kernel/kernel.h"
#include "runtime/kernel/reference.h"
#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

// One matrix, packed, with M prepared tokens; `copies` of the packed bytes lie one after another.
class Subject {
 public:
  Subject(const KernelFunctions& functions, int64_t m, int64_t n, int64_t k, size_t total_bytes,
          int threads)
      : functions_(functions), m_(m), n_(n), k_(k), y_(static_cast<size_t>(m * n)) {
    functions.sizes(n, k, &sizes_);
    stride_ = (static_cast<size_t>(sizes_.packed_bytes) + 63) / 64 * 64;
    copies_ = std::max<size_t>(1, total_bytes / stride_);
    std::mt19937 random(1);
    std::vector<int8_t> w(static_cast<size_t>(n * k)), x(static_cast<size_t>(m * k));
    for (int8_t& t : w) t = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
    for (int8_t& v : x) v = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    packed_ = AlignedBuffer(stride_ * copies_);
    const BnPack pack{n, k, 0, n, w.data(), packed_.as<uint8_t>()};
    functions.pack(&pack);
    for (size_t i = 1; i < copies_; ++i)
      std::memcpy(packed_.data() + i * stride_, packed_.data(), stride_);
    const int64_t groups = (m + sizes_.form_group_tokens - 1) / sizes_.form_group_tokens;
    form_ = AlignedBuffer(static_cast<size_t>(groups * sizes_.form_group_bytes));
    const BnPrepare prepare{k, 0, m, x.data(), k, form_.as<uint8_t>()};
    functions.prepare(&prepare);
    for (int t = 0; t < threads; ++t)
      scratch_.emplace_back(static_cast<size_t>(sizes_.scratch_bytes));
  }

  // Thread `thread` of `threads` takes its rows of every copy.
  void run(int thread, int threads) {
    const Range rows = share(n_, sizes_.row_step, threads, thread);
    for (size_t i = 0; i < copies_; ++i) {
      const BnRun run{n_,
                      k_,
                      0,
                      m_,
                      rows.begin,
                      rows.end,
                      packed_.as<uint8_t>() + i * stride_,
                      form_.as<uint8_t>(),
                      scratch_[static_cast<size_t>(thread)].as<uint8_t>(),
                      nullptr,
                      nullptr,
                      0,
                      BN_INT32,
                      y_.data(),
                      n_};
      functions_.run(&run);
    }
  }

  int64_t products() const { return m_ * n_ * k_ * static_cast<int64_t>(copies_); }
  std::span<const std::byte> bytes() const { return {packed_.data(), packed_.bytes()}; }
  const std::vector<int32_t>& y() const { return y_; }

 private:
  KernelFunctions functions_;
  int64_t m_, n_, k_;
  BnSizes sizes_{};
  size_t stride_ = 0, copies_ = 0;
  AlignedBuffer packed_, form_;
  std::vector<AlignedBuffer> scratch_;
  std::vector<int32_t> y_;
};

bool right(const KernelFunctions& functions, int64_t m) {
  Subject kernel(functions, m, 96, 2560, 0, 1), reference(reference_functions(), m, 96, 2560, 0, 1);
  kernel.run(0, 1);
  reference.run(0, 1);
  return kernel.y() == reference.y();
}

void stream(benchmark::State& state, const BuiltinKernel& kernel) {
  if (!right(kernel.functions, 1)) return state.SkipWithError("differs from the reference");
  const auto threads = static_cast<int>(state.range(0));
  ThreadPool pool = ThreadPool::start(threads).value();
  Subject subject(kernel.functions, 1, 6912, 2560, size_t{440} << 20, threads);
  const IsaSet isa = reported_isa();
  const std::span<const std::byte> block = subject.bytes();
  std::vector<double> shares;
  for (auto _ : state) {
    const RoofReading roof =
        read_roof({&block, 1}, threads, [&](const auto& body) { pool.run(body); }, isa);
    const auto begin = std::chrono::steady_clock::now();
    pool.run([&](int thread) { subject.run(thread, threads); });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);
    shares.push_back(roof.seconds / seconds);
  }
  state.SetBytesProcessed(static_cast<int64_t>(block.size()) *
                          static_cast<int64_t>(state.iterations()));
  state.counters["roof%"] = 100 * median(std::move(shares));
}

void in_cache(benchmark::State& state, const BuiltinKernel& kernel, int64_t m, int64_t n) {
  if (!right(kernel.functions, m)) return state.SkipWithError("differs from the reference");
  Subject subject(kernel.functions, m, n, 2560, 0, 1);
  for (auto _ : state) subject.run(0, 1);
  const auto products = static_cast<double>(subject.products() * state.iterations());
  state.counters["GMAC/s"] = benchmark::Counter(products / 1e9, benchmark::Counter::kIsRate);
}

void register_all() {
  const IsaSet isa = reported_isa();
  for (const BuiltinKernel& kernel : builtin_kernels()) {
    if (!isa.has(kernel.name.isa)) continue;
    const std::string name = to_string(kernel.name);
    if (kernel.m_min == 1) {
      benchmark::RegisterBenchmark(("stream/" + name).c_str(), stream, kernel)
          ->ArgName("threads")
          ->DenseRange(1, default_thread_count())
          ->Iterations(7)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark(("cache/" + name).c_str(), [&kernel](benchmark::State& state) {
        in_cache(state, kernel, 1, 512);
      });
    }
    if (kernel.m_max > 1)
      benchmark::RegisterBenchmark(
          ("tokens/" + name).c_str(),
          [&kernel](benchmark::State& state) { in_cache(state, kernel, state.range(0), 2560); })
          ->DenseRange(2, 16)
          ->Arg(32)
          ->Arg(128)
          ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  bitnet::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
