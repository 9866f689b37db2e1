#include "tuner/replay.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace bitnet::tuner {
namespace {

bool is_gate_up(BnEpilogue epilogue) {
  return epilogue == BN_GATE_UP_SILU || epilogue == BN_GATE_UP_RELU2;
}

size_t form_bytes(const BnSizes& sizes, int64_t tokens) {
  const int64_t groups = (tokens + sizes.form_group_tokens - 1) / sizes.form_group_tokens;
  return static_cast<size_t>(groups * sizes.form_group_bytes);
}

}  // namespace

std::vector<BnSegment> one_scale(const Problem& problem, float scale) {
  const auto rows = static_cast<int32_t>(problem.n);
  if (is_gate_up(problem.epilogue)) return {{0, rows, 2, scale}, {1, rows, 2, scale}};
  return {{0, rows, 1, scale}};
}

Part part_of(const BnSizes& sizes, const Problem& problem, int64_t tokens, int threads,
             int thread) {
  const int64_t groups = (tokens + sizes.token_step - 1) / sizes.token_step;
  if (sizes.split == BN_SPLIT_TOKENS && groups >= threads) {
    return {share(tokens, sizes.token_step, threads, thread), {0, problem.n}};
  }
  // A gate row and its up row stay together.
  const int64_t step =
      std::lcm(int64_t{sizes.row_step}, int64_t{is_gate_up(problem.epilogue) ? 2 : 1});
  return {{0, tokens}, share(problem.n, step, threads, thread)};
}

Replay::Replay(ThreadPool& pool, std::vector<Problem> problems, int64_t tokens, int layers)
    : pool_(pool), problems_(std::move(problems)), tokens_(tokens), layers_(layers) {
  for (const Problem& problem : problems_) {
    ldx_ = std::max(ldx_, (problem.k + 63) / 64 * 64);
    ldy_ = std::max(ldy_, (problem.n + 63) / 64 * 64);
  }
  x_ = AlignedBuffer(static_cast<size_t>(tokens_ * ldx_));
  scales_ = AlignedBuffer(static_cast<size_t>(tokens_) * sizeof(float));
  y_ = AlignedBuffer(static_cast<size_t>(tokens_ * ldy_) * sizeof(float));
  uint32_t state = 12345;
  for (int8_t& x : x_.span<int8_t>()) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<int8_t>(static_cast<int>((state >> 16) % 255U) - 127);
  }
  std::ranges::fill(scales_.span<float>(), 127.0F);
  scratch_.resize(static_cast<size_t>(pool_.size()));
}

void Replay::reserve(std::span<const Runner> runners) {
  size_t form = 0, scratch = 0;
  for (const Runner& runner : runners) {
    form = std::max(form, form_bytes(runner.sizes, tokens_));
    scratch = std::max(scratch, static_cast<size_t>(runner.sizes.scratch_bytes));
  }
  if (form > form_.bytes()) form_ = AlignedBuffer(form);
  for (AlignedBuffer& buffer : scratch_) {
    if (scratch > buffer.bytes()) buffer = AlignedBuffer(scratch);
  }
}

void Replay::call(const Problem& problem, const Runner& runner, int layer, int thread) {
  const Range mine = share(tokens_, runner.sizes.form_group_tokens, pool_.size(), thread);
  if (mine.begin < mine.end) {
    const BnPrepare prepare{.k = problem.k,
                            .m0 = mine.begin,
                            .m1 = mine.end,
                            .x = x_.as<int8_t>(),
                            .ldx = ldx_,
                            .form = form_.as<uint8_t>()};
    runner.functions.prepare(&prepare);
  }
  pool_.barrier(thread);
  const Part part = part_of(runner.sizes, problem, tokens_, pool_.size(), thread);
  if (part.tokens.begin < part.tokens.end && part.rows.begin < part.rows.end) {
    // Tiny scales: what is added to Y again and again stays finite.
    const std::vector<BnSegment> segments = one_scale(problem, 1e-9F);
    const BnRun run{.n = problem.n,
                    .k = problem.k,
                    .m0 = part.tokens.begin,
                    .m1 = part.tokens.end,
                    .n0 = part.rows.begin,
                    .n1 = part.rows.end,
                    .packed = runner.weights->layer(layer),
                    .form = form_.as<uint8_t>(),
                    .scratch = scratch_[static_cast<size_t>(thread)].as<uint8_t>(),
                    .token_scale = scales_.as<float>(),
                    .segments = segments.data(),
                    .segment_count = static_cast<int32_t>(segments.size()),
                    .epilogue = problem.epilogue,
                    .y = y_.data(),
                    .ldy = ldy_};
    runner.functions.run(&run);
  }
  pool_.barrier(thread);
}

std::vector<double> Replay::run(std::span<const Runner> runners) {
  using Clock = std::chrono::steady_clock;
  reserve(runners);
  const size_t calls = static_cast<size_t>(layers_) * static_cast<size_t>(repeats_);
  std::vector<std::vector<double>> seconds(problems_.size());
  for (auto& of_problem : seconds) of_problem.reserve(calls);
  pool_.run([&](int thread) {
    for (int repeat = 0; repeat < repeats_; ++repeat) {
      for (int layer = 0; layer < layers_; ++layer) {
        for (size_t p = 0; p < problems_.size(); ++p) {
          const auto begin = Clock::now();
          call(problems_[p], runners[p], layer, thread);
          if (thread == 0)
            seconds[p].push_back(std::chrono::duration<double>(Clock::now() - begin).count());
        }
      }
    }
  });
  return lower_quartiles(std::move(seconds));
}

std::vector<double> lower_quartiles(std::vector<std::vector<double>> seconds) {
  std::vector<double> quartiles;
  for (auto& of_problem : seconds) {
    const auto quarter = of_problem.begin() + static_cast<std::ptrdiff_t>(of_problem.size() / 4);
    std::ranges::nth_element(of_problem, quarter);
    quartiles.push_back(*quarter);
  }
  return quartiles;
}

}  // namespace bitnet::tuner
