// The float kernels that move memory, at BitNet 2B-4T's shapes: heads of 128256 x 2560, attention
// over 4096 keys in 30 layers. Each round reads the same bytes plainly first (the roof); "of_roof"
// is the median share over rounds.
//   float_bench --benchmark_filter='head/q6_k.*threads:2'
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "runtime/base/aligned_buffer.h"
#include "runtime/base/statistics.h"
#include "runtime/cpu/roof.h"
#include "runtime/gguf/types.h"
#include "runtime/model/float_kernels.h"
#include "runtime/threads/pool.h"

namespace bitnet {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void run_rounds(benchmark::State& state, ThreadPool& pool,
                std::span<const std::span<const std::byte>> blocks,
                const std::function<void()>& work) {
  std::vector<double> shares;
  double best_roof = 1e9, best = 1e9;
  double bytes = 0;
  for (const auto block : blocks) bytes += static_cast<double>(block.size());
  const OnAllThreads on_all = [&](const std::function<void(int)>& body) { pool.run(body); };
  work();
  for (auto _ : state) {
    const RoofReading roof = read_roof(blocks, pool.size(), on_all, reported_isa());
    const double seconds = seconds_of(work);
    state.SetIterationTime(seconds);
    shares.push_back(roof.seconds / seconds);
    best_roof = std::min(best_roof, roof.seconds);
    best = std::min(best, seconds);
  }
  state.counters["best_ms"] = best * 1e3;
  state.counters["best_of_roof"] = best_roof / best;  // quiet moments only
  state.counters["of_roof"] = median(std::move(shares));
  state.counters["GB/s"] =
      benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

// Bytes whose F16 and bytes are ordinary numbers.
void fill(AlignedBuffer& buffer) {
  uint32_t x = 1;
  for (size_t i = 0; i < buffer.bytes(); i += 2) {
    x = x * 1664525U + 1013904223U;
    const auto half = static_cast<uint16_t>((x >> 16U & 0x83ffU) | 0x2c00U);
    std::memcpy(buffer.data() + i, &half, 2);
  }
}

struct HeadType {
  const char* name;
  int32_t type;
  int64_t elements, bytes;  // of a block
};
constexpr HeadType kHeads[] = {
    {"head/f16", BN_F16, 1, 2},
    {"head/q8_0", BN_Q8_0, kQ8Elements, kQ8Bytes},
    {"head/q6_k", BN_Q6_K, kQ6Elements, kQ6Bytes},
    {"head/q5_k", BN_Q5_K, kQkElements, kQ5kBytes},
    {"head/q4_k", BN_Q4_K, kQkElements, kQ4kBytes},
    {"head/q5_0", BN_Q5_0, kQ4Elements, kQ50Bytes},
    {"head/q4_1", BN_Q4_1, kQ4Elements, kQ41Bytes},
    {"head/q4_0", BN_Q4_0, kQ4Elements, kQ40Bytes},
};

void bench_head(benchmark::State& state, const BnFloatKernels& kernels, const HeadType& head_type,
                int threads) {
  constexpr int64_t kRows = 128256, kK = 2560;
  const int64_t row_bytes = kK / head_type.elements * head_type.bytes;
  const int32_t type = head_type.type;
  AlignedBuffer rows(static_cast<size_t>(kRows * row_bytes)), hidden(kK * 4), logits(kRows * 4);
  fill(rows);
  for (int64_t i = 0; i < kK; ++i) hidden.as<float>()[i] = static_cast<float>(i % 17) - 8;
  AlignedBuffer prepared(static_cast<size_t>(kernels.head_prepared_bytes(type, kK)) + 1);
  kernels.head_prepare(type, hidden.as<float>(), kK, prepared.as<uint8_t>());
  ThreadPool pool = ThreadPool::start(threads).value();
  const std::span<const std::byte> blocks[] = {{rows.data(), rows.bytes()}};
  run_rounds(state, pool, blocks, [&] {
    pool.run([&](int thread) {
      const Range part = share(kRows, 16, threads, thread);
      const BnHead head = {.type = type,
                           .rows = rows.as<uint8_t>(),
                           .row_bytes = row_bytes,
                           .k = kK,
                           .n0 = part.begin,
                           .n1 = part.end,
                           .tokens = 1,
                           .hidden = hidden.as<float>(),
                           .ld_hidden = kK,
                           .prepared = prepared.as<uint8_t>(),
                           .ld_prepared = 0,
                           .logits = logits.as<float>(),
                           .ld_logits = kRows,
                           .prefetch_bytes = head_prefetch_bytes()};
      kernels.head(&head);
    });
  });
}

void bench_attention(benchmark::State& state, const BnFloatKernels& kernels, int32_t kv_type,
                     int32_t group, int threads) {
  constexpr int64_t kHeads = 30 * 5, kKeys = 4096;
  constexpr int32_t kSize = 128;
  const int64_t head_bytes = kKeys * kSize * (kv_type == BN_KV_F16 ? 2 : 4);
  AlignedBuffer k(static_cast<size_t>(kHeads * head_bytes)),
      v(static_cast<size_t>(kHeads * head_bytes));
  fill(k);
  fill(v);
  std::vector<float> q(static_cast<size_t>(group) * kSize, 0.25F);
  ThreadPool pool = ThreadPool::start(threads).value();
  const std::span<const std::byte> blocks[] = {{k.data(), k.bytes()}, {v.data(), v.bytes()}};
  run_rounds(state, pool, blocks, [&] {
    pool.run([&](int thread) {
      AlignedBuffer scratch(static_cast<size_t>(BN_ATTEND_SCRATCH(group, kSize)) * 4);
      std::vector<float> out(q.size());
      const Range part = share(kHeads, 1, threads, thread);
      for (int64_t head = part.begin; head < part.end; ++head) {
        const BnAttend attend = {.q = q.data(),
                                 .out = out.data(),
                                 .group = group,
                                 .head_size = kSize,
                                 .scale = 0.088388346F,
                                 .k_type = kv_type,
                                 .v_type = kv_type,
                                 .keys = kKeys,
                                 .k = k.data() + head * head_bytes,
                                 .v = v.data() + head * head_bytes,
                                 .scratch = scratch.as<float>()};
        kernels.attend(&attend);
        benchmark::DoNotOptimize(out.data());
      }
    });
  });
}

void bench_elementwise(benchmark::State& state, const BnFloatKernels& kernels,
                       const std::string& what) {
  constexpr int64_t kN = 6912;
  std::vector<float> x(kN), u(kN, 0.5F), y(kN);
  std::vector<int8_t> q(kN);
  for (int64_t i = 0; i < kN; ++i)
    x[static_cast<size_t>(i)] = static_cast<float>(i % 101 - 50) * 0.17F;
  for (auto _ : state) {
    if (what == "silu") kernels.gate(x.data(), u.data(), kN, 0, y.data());
    if (what == "relu2") kernels.gate(x.data(), u.data(), kN, 1, y.data());
    if (what == "quantize") benchmark::DoNotOptimize(kernels.quantize(x.data(), kN, q.data()));
    if (what == "rms_norm") kernels.rms_norm(x.data(), u.data(), kN, 1e-5F, y.data());
    benchmark::ClobberMemory();
  }
  state.counters["elements/ns"] =
      benchmark::Counter(kN / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

void register_all() {
  for (const auto& [level, table] : float_tables()) {
    if (!reported_isa().has(level)) continue;
    const BnFloatKernels* kernels = table;
    const bool emulates_fma = level == Isa::scalar || level == Isa::ssse3;  // right, and slow
    const std::string suffix = std::string("/") + kernels->name;
    for (const int threads : {1, 2}) {
      if (emulates_fma) continue;
      const std::string end = suffix + "/threads:" + std::to_string(threads);
      const auto timed = [&](const std::string& name, auto run) {
        benchmark::RegisterBenchmark((name + end).c_str(), run)
            ->UseManualTime()
            ->Iterations(9)
            ->Unit(benchmark::kMillisecond);
      };
      for (const HeadType& type : kHeads)
        timed(type.name, [=](auto& state) { bench_head(state, *kernels, type, threads); });
      timed("attention/f16/group:4",
            [=](auto& state) { bench_attention(state, *kernels, BN_KV_F16, 4, threads); });
      timed("attention/f16/group:1",
            [=](auto& state) { bench_attention(state, *kernels, BN_KV_F16, 1, threads); });
      timed("attention/f32/group:4",
            [=](auto& state) { bench_attention(state, *kernels, BN_KV_F32, 4, threads); });
    }
    for (const char* what : {"silu", "relu2", "quantize", "rms_norm"}) {
      benchmark::RegisterBenchmark((std::string("elementwise/") + what + suffix).c_str(),
                                   [=](auto& state) { bench_elementwise(state, *kernels, what); });
    }
  }
}

}  // namespace
}  // namespace bitnet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  bitnet::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
