// Speed of every built-in kernel that this CPU can run, by itself:
//   stream/<kernel>/threads:T   one token over 440 MB of packed weights (copies of one 6912 x 2560
//                               matrix), so from memory; roof% is the share of the plain read of
//                               the same bytes, taken in the same round, median over rounds
//   cache/<kernel>              one token, 512 x 2560, weights in L2: w_per_ns
//   tokens/<kernel>/M           M tokens, 2560 x 2560, one thread: GMAC/s; every M to 16 shows what
//                               tiles that are not full cost
// and each again with a scale for every 128 weights, where the kernel serves them: .../group:128
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
#include "runtime/kernel/product.h"
#include "runtime/kernel/reference.h"
#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

// One matrix, packed, with M prepared tokens; `copies` of the packed bytes lie one after another.
class Subject {
 public:
  Subject(const KernelFunctions& functions, int64_t m, int64_t n, int64_t k, int64_t group,
          size_t total_bytes, int threads)
      : problem_{.n = n, .k = k, .group = group, .epilogue = group ? BN_SCALED : BN_INT32},
        scales_(group ? static_cast<size_t>(m * k / group) : 0, 0.5F),
        y_(static_cast<size_t>(m * n)) {
    ProductKernel kernel{.functions = functions};
    functions.sizes(n, k, group, &kernel.sizes);
    pack(kernel, total_bytes);
    std::mt19937 random(1);
    x_.resize(static_cast<size_t>(m * k));
    for (int8_t& v : x_) v = static_cast<int8_t>(static_cast<int>(random() % 255) - 127);
    const Product& first = products_.front();
    form_ = AlignedBuffer(static_cast<size_t>(first.form_bytes(m)));
    in_ = {.tokens = m,
           .x = x_.data(),
           .ldx = k,
           .scales = scales_.data(),
           .form = form_.as<uint8_t>()};
    first.prepare({0, m}, in_);
    for (int t = 0; t < threads; ++t)
      scratch_.emplace_back(static_cast<size_t>(first.scratch_bytes()));
  }

  // Thread `thread` of `threads` takes its part of every copy.
  void run(int thread, int threads) {
    for (const Product& product : products_)
      product.run(product.part_of(in_.tokens, {thread, threads}), in_,
                  scratch_[static_cast<size_t>(thread)].as<uint8_t>(), {y_.data(), problem_.n});
  }

  int64_t macs() const {
    return in_.tokens * problem_.n * problem_.k * static_cast<int64_t>(products_.size());
  }
  std::span<const std::byte> bytes() const { return {packed_.data(), packed_.bytes()}; }
  const std::vector<int32_t>& y() const { return y_; }

 private:
  void pack(ProductKernel kernel, size_t total_bytes) {
    const size_t stride = (static_cast<size_t>(kernel.sizes.packed_bytes) + 63) / 64 * 64;
    const size_t copies = std::max<size_t>(1, total_bytes / stride);
    std::mt19937 random(2);
    std::vector<int8_t> w(static_cast<size_t>(problem_.n * problem_.k));
    for (int8_t& t : w) t = static_cast<int8_t>(static_cast<int>(random() % 3) - 1);
    packed_ = AlignedBuffer(stride * copies);
    const auto group = static_cast<size_t>(problem_.group);
    const std::vector<uint16_t> scales(group ? w.size() / group : 0, 0x3C00);
    pack_rows(problem_, kernel.functions.pack, {0, problem_.n}, w.data(), scales.data(),
              packed_.as<uint8_t>());
    for (size_t i = 0; i < copies; ++i) {
      kernel.packed = packed_.as<uint8_t>() + i * stride;
      if (i > 0) std::memcpy(packed_.data() + i * stride, packed_.data(), stride);
      products_.push_back(Product(problem_, {}, {kernel}));
    }
  }

  Problem problem_;
  std::vector<Product> products_;  // of each copy
  AlignedBuffer packed_, form_;
  std::vector<AlignedBuffer> scratch_;
  std::vector<int8_t> x_;
  std::vector<float> scales_;
  ProductInput in_;
  std::vector<int32_t> y_;  // or floats
};

bool right(const KernelFunctions& functions, int64_t m, int64_t group) {
  Subject kernel(functions, m, 96, 2560, group, 0, 1);
  Subject reference(reference_functions(), m, 96, 2560, group, 0, 1);
  kernel.run(0, 1);
  reference.run(0, 1);
  return kernel.y() == reference.y();
}

void stream(benchmark::State& state, const BuiltinKernel& kernel, int64_t group) {
  if (!right(kernel.functions, 1, group)) return state.SkipWithError("differs from the reference");
  const auto threads = static_cast<int>(state.range(0));
  ThreadPool pool = ThreadPool::start(threads).value();
  Subject subject(kernel.functions, 1, 6912, 2560, group, size_t{440} << 20, threads);
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

void in_cache(benchmark::State& state, const BuiltinKernel& kernel, int64_t m, int64_t n,
              int64_t group) {
  if (!right(kernel.functions, m, group)) return state.SkipWithError("differs from the reference");
  Subject subject(kernel.functions, m, n, 2560, group, 0, 1);
  for (auto _ : state) subject.run(0, 1);
  const auto products = static_cast<double>(subject.macs() * state.iterations());
  state.counters["GMAC/s"] = benchmark::Counter(products / 1e9, benchmark::Counter::kIsRate);
}

void register_kernel(const BuiltinKernel& kernel, int64_t group) {
  const std::string name =
      to_string(kernel.name) + (group ? "/group:" + std::to_string(group) : "");
  if (kernel.m_min == 1) {
    benchmark::RegisterBenchmark(
        ("stream/" + name).c_str(),
        [&kernel, group](benchmark::State& state) { stream(state, kernel, group); })
        ->ArgName("threads")
        ->DenseRange(1, default_thread_count())
        ->Iterations(7)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(
        ("cache/" + name).c_str(),
        [&kernel, group](benchmark::State& state) { in_cache(state, kernel, 1, 512, group); });
  }
  if (kernel.m_max > 1)
    benchmark::RegisterBenchmark(("tokens/" + name).c_str(),
                                 [&kernel, group](benchmark::State& state) {
                                   in_cache(state, kernel, state.range(0), 2560, group);
                                 })
        ->DenseRange(2, 16)
        ->Arg(32)
        ->Arg(128)
        ->Unit(benchmark::kMillisecond);
}

void register_all() {
  const IsaSet isa = reported_isa();
  for (const BuiltinKernel& kernel : builtin_kernels()) {
    if (!isa.has(kernel.name.isa)) continue;
    for (const int64_t group : {0, 128}) {
      BnFacts facts{};
      kernel.functions.facts(group, &facts);
      if (facts.unfit == BN_FITS) register_kernel(kernel, group);
    }
  }
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  bitnet::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
