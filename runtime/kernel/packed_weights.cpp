#include "runtime/kernel/packed_weights.h"

#include <algorithm>
#include <atomic>
#include <mutex>

namespace bitnet {
namespace {

// Trits decoded at a time: with the packed rows beside them they stay in a second-level cache.
constexpr int64_t kPanelBytes = int64_t{256} << 10;

// A copy of some job. All panels of all copies are numbered through; those of this one end before
// end_panel.
struct Target {
  size_t job;
  const PackCopy* copy;
  int64_t panel_rows;
  int64_t first_panel, end_panel;
};

int64_t panel_rows(const BnSizes& sizes, int64_t k) {
  const int64_t step = std::max<int64_t>(1, sizes.row_step);
  return std::max<int64_t>(1, kPanelBytes / k / step) * step;
}

std::vector<Target> targets_of(std::span<const PackJob> jobs) {
  std::vector<Target> targets;
  int64_t panel = 0;
  for (size_t j = 0; j < jobs.size(); ++j)
    for (const PackCopy& copy : jobs[j].copies) {
      const int64_t rows = panel_rows(copy.sizes, jobs[j].problem.k);
      const int64_t end = panel + (jobs[j].problem.n + rows - 1) / rows;
      targets.push_back({j, &copy, rows, panel, end});
      panel = end;
    }
  return targets;
}

// What a thread decodes a panel into.
struct PanelBuffer {
  AlignedBuffer trits;           // int8 [rows][k]
  std::vector<uint16_t> scales;  // [rows][k/group]
};

Result<void> pack_panel(const PackJob& job, const Target& target, int64_t panel,
                        PanelBuffer& buffer) {
  const int64_t n0 = (panel - target.first_panel) * target.panel_rows;
  const int64_t n1 = std::min(job.problem.n, n0 + target.panel_rows);
  auto* trits = buffer.trits.as<int8_t>();
  BITNET_CHECK(job.weights.trits(n0, n1, trits));
  if (const int64_t group = job.problem.group) {
    buffer.scales.resize(static_cast<size_t>((n1 - n0) * (job.problem.k / group)));
    BITNET_CHECK(job.weights.scales(n0, n1, buffer.scales.data()));
  }
  pack_rows(job.problem, target.copy->pack, {n0, n1}, trits, buffer.scales.data(),
            target.copy->packed);
  return {};
}

// Threads take panel after panel until none is left, one fails, or the caller wants to stop.
class Packing {
 public:
  Packing(ThreadPool& pool, std::span<const PackJob> jobs, const PackEvents& events)
      : pool_(pool),
        jobs_(jobs),
        events_(events),
        targets_(targets_of(jobs)),
        panels_(targets_.empty() ? 0 : targets_.back().end_panel),
        panels_left_(jobs.size()),
        failed_panel_(panels_) {
    size_t trits_bytes = 0;
    for (const Target& target : targets_) {
      const Problem& problem = jobs[target.job].problem;
      trits_bytes = std::max(
          trits_bytes, static_cast<size_t>(std::min(target.panel_rows, problem.n) * problem.k));
      panels_left_[target.job] += target.end_panel - target.first_panel;
    }
    for (int thread = 0; thread < pool.size(); ++thread)
      buffers_.push_back({AlignedBuffer(trits_bytes), {}});
  }

  Result<void> run() {
    pool_.run([&](int thread) { work(thread); });
    if (failed_panel_ < panels_) return std::unexpected(std::move(error_));
    if (stopped_) return fail(Error::Kind::interrupted, "interrupted while weights were packed");
    if (events_.progress) events_.progress(1);
    return {};
  }

 private:
  void work(int thread) {
    PanelBuffer& buffer = buffers_[static_cast<size_t>(thread)];
    for (auto target = targets_.begin();;) {
      if (thread == 0 && events_.stop && events_.stop()) stop();
      const int64_t panel = next_.fetch_add(1, std::memory_order_relaxed);
      if (panel >= panels_) return;
      while (panel >= target->end_panel) ++target;
      const size_t job = target->job;
      if (auto done = pack_panel(jobs_[job], *target, panel, buffer); !done)
        note(panel, std::move(done.error()));
      if (--panels_left_[job] == 0 && events_.packed) events_.packed(job);
      if (thread == 0 && events_.progress)
        events_.progress(static_cast<double>(panel) / static_cast<double>(panels_));
    }
  }

  void stop() {
    stopped_ = true;
    take_no_more();
  }

  void take_no_more() { next_.store(panels_, std::memory_order_relaxed); }

  // The first one of those that failed, so that the message does not depend on timing.
  void note(int64_t panel, Error error) {
    const std::lock_guard lock(mutex_);
    if (panel < failed_panel_) {
      failed_panel_ = panel;
      error_ = std::move(error);
    }
    take_no_more();
  }

  ThreadPool& pool_;
  std::span<const PackJob> jobs_;
  const PackEvents& events_;
  std::vector<Target> targets_;
  int64_t panels_;
  std::vector<std::atomic<int64_t>> panels_left_;  // of all copies of a job
  std::vector<PanelBuffer> buffers_;               // of each thread
  std::atomic<int64_t> next_{0};
  std::mutex mutex_;
  int64_t failed_panel_;
  Error error_;
  bool stopped_ = false;
};

}  // namespace

Result<void> pack_weights(ThreadPool& pool, std::span<const PackJob> jobs,
                          const PackEvents& events) {
  return Packing(pool, jobs, events).run();
}

PackedWeights::PackedWeights(const ProblemKernels& kernels) {
  for (size_t c = 0; c < kernels.classes.size(); ++c) {
    const auto same = std::ranges::find_if(made_for_, [&](size_t other) {
      return kernels.classes[other].packing_key == kernels.classes[c].packing_key;
    });
    copy_of_class_.push_back(static_cast<size_t>(same - made_for_.begin()));
    if (same != made_for_.end()) continue;
    made_for_.push_back(c);
    copies_.emplace_back(static_cast<size_t>(kernels.classes[c].sizes.packed_bytes));
  }
}

PackJob PackedWeights::job(const Problem& problem, const ProblemKernels& kernels,
                           WeightSource weights) {
  PackJob job{.problem = problem, .weights = std::move(weights), .copies = {}};
  for (size_t i = 0; i < copies_.size(); ++i) {
    const ClassKernel& kernel = kernels.classes[made_for_[i]];
    job.copies.push_back({kernel.sizes, kernel.functions.pack, copies_[i].as<uint8_t>()});
  }
  return job;
}

std::vector<ProductKernel> PackedWeights::product_kernels(const ProblemKernels& kernels) const {
  std::vector<ProductKernel> ready;
  for (size_t c = 0; c < kernels.classes.size(); ++c) {
    const ClassKernel& kernel = kernels.classes[c];
    ready.push_back(
        {kernel.m_max, kernel.sizes, kernel.functions, copies_[copy_of_class_[c]].as<uint8_t>()});
  }
  return ready;
}

}  // namespace bitnet
