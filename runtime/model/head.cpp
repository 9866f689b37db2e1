#include "runtime/model/head.h"

#include <algorithm>

#include "runtime/base/round_up.h"

namespace bitnet {
namespace {

size_t floats_bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(float); }

}  // namespace

Head::Head(const FloatMatrix& rows, std::span<const float> norm, float epsilon, float logit_factor,
           const BnFloatKernels& floats, int threads)
    : rows_(rows),
      norm_(norm),
      epsilon_(epsilon),
      logit_factor_(logit_factor),
      floats_(floats),
      ld_hidden_(round_up(rows.k, 16)),
      ld_prepared_(
          round_up(floats.head_prepared_bytes(static_cast<int32_t>(rows.type), rows.k), 64)),
      ld_logits_(round_up(rows.n, 16)),
      hidden_(floats_bytes(kGroup * ld_hidden_)),
      prepared_(static_cast<size_t>(kGroup * ld_prepared_)),
      logits_(floats_bytes(kGroup * ld_logits_)),
      best_(static_cast<size_t>(threads * kGroup)) {}

void Head::run(const float* x, int64_t ldx, std::span<const HeadRequest> requests, ThreadPool& pool,
               int thread) {
  const Share who{thread, pool.size()};
  while (!requests.empty()) {
    const auto group = requests.first(std::min<size_t>(kGroup, requests.size()));
    norm_and_prepare(x, ldx, group, who);
    pool.barrier(thread);
    logits(group, who);
    pool.barrier(thread);
    collect(group, who);
    requests = requests.subspan(group.size());
    if (!requests.empty())
      pool.barrier(thread);  // collect still reads what the next group overwrites
  }
}

void Head::norm_and_prepare(const float* x, int64_t ldx, std::span<const HeadRequest> group,
                            Share who) {
  const Range tokens = share(static_cast<int64_t>(group.size()), 1, who.threads, who.thread);
  for (int64_t i = tokens.begin; i < tokens.end; ++i) {
    float* hidden = hidden_.as<float>() + i * ld_hidden_;
    floats_.rms_norm(x + group[static_cast<size_t>(i)].token * ldx, norm_.data(), rows_.k, epsilon_,
                     hidden);
    if (ld_prepared_ > 0)
      floats_.head_prepare(static_cast<int32_t>(rows_.type), hidden, rows_.k,
                           prepared_.as<uint8_t>() + i * ld_prepared_);
  }
}

void Head::logits(std::span<const HeadRequest> group, Share who) {
  // 16 floats are a cache line of results: no two threads write to the same one.
  const Range rows = share(rows_.n, 16, who.threads, who.thread);
  for (size_t i = 0; i < group.size(); ++i)
    best_[static_cast<size_t>(who.thread) * kGroup + i].start(
        static_cast<size_t>(std::clamp<int64_t>(group[i].want.k, 0, rows_.n)));
  if (rows.empty()) return;
  const BnHead head{.type = static_cast<int32_t>(rows_.type),
                    .rows = reinterpret_cast<const uint8_t*>(rows_.rows),
                    .row_bytes = rows_.row_bytes,
                    .k = rows_.k,
                    .n0 = rows.begin,
                    .n1 = rows.end,
                    .tokens = static_cast<int64_t>(group.size()),
                    .hidden = hidden_.as<float>(),
                    .ld_hidden = ld_hidden_,
                    .prepared = prepared_.as<uint8_t>(),
                    .ld_prepared = ld_prepared_,
                    .logits = logits_.as<float>(),
                    .ld_logits = ld_logits_,
                    .prefetch_bytes = head_prefetch_bytes()};
  floats_.head(&head);
  for (size_t i = 0; i < group.size(); ++i) {
    float* own = logits_.as<float>() + static_cast<int64_t>(i) * ld_logits_ + rows.begin;
    if (logit_factor_ != 1)
      for (int64_t n = 0; n < rows.size(); ++n) own[n] *= logit_factor_;
    best_[static_cast<size_t>(who.thread) * kGroup + i].offer(own, rows.size(),
                                                              static_cast<int32_t>(rows.begin));
  }
}

void Head::collect(std::span<const HeadRequest> group, Share who) {
  const Range tokens = share(static_cast<int64_t>(group.size()), 1, who.threads, who.thread);
  for (int64_t i = tokens.begin; i < tokens.end; ++i) {
    TokenResult& result = *group[static_cast<size_t>(i)].result;
    const float* hidden = hidden_.as<float>() + i * ld_hidden_;
    result.hidden.assign(hidden, hidden + rows_.k);
    const float* all = logits_.as<float>() + i * ld_logits_;
    if (group[static_cast<size_t>(i)].want.kind == Want::Kind::all)
      result.all.assign(all, all + rows_.n);
    else
      result.all.clear();
    TopK& best = best_[static_cast<size_t>(i)];
    for (int thread = 1; thread < who.threads; ++thread)
      for (const Logit& logit :
           best_[static_cast<size_t>(thread) * kGroup + static_cast<size_t>(i)].kept())
        best.offer(logit);
    const auto sorted = best.sorted();
    result.top.assign(sorted.begin(), sorted.end());
  }
}

}  // namespace bitnet
