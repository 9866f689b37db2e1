#include "runtime/kernel/packed_weights.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

namespace bitnet {
namespace {

// Trits decoded at a time: with the packed rows beside them they stay in a second-level cache.
constexpr int64_t kPanelBytes = int64_t{256} << 10;

// A copy to be made, and which of the running count of panels are its own.
struct Copy {
  size_t job;
  const ProblemRows* rows;
  const ClassKernel* kernel;
  uint8_t* packed;
  int64_t n, k, panel_rows;
  int64_t first_panel, end_panel;
};

int64_t panel_rows(const ClassKernel& kernel, int64_t k) {
  const int64_t step = std::max<int64_t>(1, kernel.sizes.row_step);
  return std::max<int64_t>(1, kPanelBytes / k / step) * step;
}

// Decides which classes share a copy and allocates the copies.
void plan_copies(size_t index, const PackJob& job, std::vector<Copy>& copies) {
  const std::vector<ClassKernel>& classes = job.kernels->classes;
  const int64_t n = job.rows->n(), k = job.rows->k();
  std::vector<size_t> made_for;  // the class that each copy was made for
  *job.out = {};
  for (size_t c = 0; c < classes.size(); ++c) {
    const auto same = std::ranges::find_if(made_for, [&](size_t other) {
      return classes[other].packing_key == classes[c].packing_key;
    });
    job.out->copy_of_class.push_back(static_cast<size_t>(same - made_for.begin()));
    if (same != made_for.end()) continue;
    made_for.push_back(c);
    AlignedBuffer& buffer =
        job.out->copies.emplace_back(static_cast<size_t>(classes[c].sizes.packed_bytes));
    const int64_t rows = panel_rows(classes[c], k),
                  first = copies.empty() ? 0 : copies.back().end_panel;
    copies.push_back({.job = index,
                      .rows = job.rows,
                      .kernel = &classes[c],
                      .packed = buffer.as<uint8_t>(),
                      .n = n,
                      .k = k,
                      .panel_rows = rows,
                      .first_panel = first,
                      .end_panel = first + (n + rows - 1) / rows});
  }
}

Result<void> pack_panel(const Copy& copy, int64_t panel, int8_t* trits) {
  const int64_t n0 = (panel - copy.first_panel) * copy.panel_rows;
  const int64_t n1 = std::min(copy.n, n0 + copy.panel_rows);
  BITNET_CHECK(copy.rows->decode(n0, n1, trits));
  const BnPack pack{
      .n = copy.n, .k = copy.k, .n0 = n0, .n1 = n1, .trits = trits, .packed = copy.packed};
  copy.kernel->functions.pack(&pack);
  return {};
}

}  // namespace

int64_t ProblemRows::n() const {
  int64_t n = 0;
  for (const TernaryMatrix* part : parts_) n += part->n();
  return n;
}

Result<void> ProblemRows::decode(int64_t n0, int64_t n1, int8_t* out) const {
  if (alternate_) {
    for (int64_t n = n0; n < n1; ++n, out += k())
      BITNET_CHECK(parts_[static_cast<size_t>(n % 2)]->decode_rows(n / 2, n / 2 + 1, out));
    return {};
  }
  int64_t begin = 0;
  for (const TernaryMatrix* part : parts_) {
    const int64_t from = std::max(n0, begin), to = std::min(n1, begin + part->n());
    if (from < to)
      BITNET_CHECK(part->decode_rows(from - begin, to - begin, out + (from - n0) * k()));
    begin += part->n();
  }
  return {};
}

std::vector<BnSegment> ProblemRows::segments() const {
  std::vector<BnSegment> segments;
  int32_t begin = 0;
  for (const TernaryMatrix* part : parts_) {
    const auto rows = static_cast<int32_t>(part->n());
    if (alternate_) {
      segments.push_back({begin, 2 * rows, 2, part->scale()});
      ++begin;
    } else {
      segments.push_back({begin, begin + rows, 1, part->scale()});
      begin += rows;
    }
  }
  return segments;
}

uint64_t PackedWeights::bytes() const {
  uint64_t bytes = 0;
  for (const AlignedBuffer& copy : copies) bytes += copy.bytes();
  return bytes;
}

Result<void> pack_weights(ThreadPool& pool, std::span<const PackJob> jobs,
                          const PackEvents& events) {
  std::vector<Copy> copies;
  for (size_t i = 0; i < jobs.size(); ++i) plan_copies(i, jobs[i], copies);
  if (copies.empty()) return {};
  const int64_t panels = copies.back().end_panel;
  size_t trits_bytes = 0;
  std::vector<std::atomic<int64_t>> panels_left(jobs.size());  // of all copies of a job
  for (const Copy& copy : copies) {
    trits_bytes =
        std::max(trits_bytes, static_cast<size_t>(std::min(copy.panel_rows, copy.n) * copy.k));
    panels_left[copy.job] += copy.end_panel - copy.first_panel;
  }

  std::atomic<int64_t> next{0};
  std::mutex mutex;
  // The first one of those that failed, so that the message does not depend on timing.
  int64_t failed_panel = panels;
  Error error;
  std::vector<AlignedBuffer> trits;  // a thread's own
  for (int thread = 0; thread < pool.size(); ++thread) trits.emplace_back(trits_bytes);
  bool stopped = false;
  pool.run([&](int thread) {
    auto* own_trits = trits[static_cast<size_t>(thread)].as<int8_t>();
    for (size_t c = 0;;) {
      if (thread == 0 && events.stop && events.stop()) {
        stopped = true;
        next.store(panels, std::memory_order_relaxed);
      }
      const int64_t panel = next.fetch_add(1, std::memory_order_relaxed);
      if (panel >= panels) return;
      while (panel >= copies[c].end_panel) ++c;
      if (Result<void> done = pack_panel(copies[c], panel, own_trits); !done) {
        const std::lock_guard lock(mutex);
        if (panel < failed_panel) {
          failed_panel = panel;
          error = std::move(done.error());
        }
        next.store(panels, std::memory_order_relaxed);
      }
      if (--panels_left[copies[c].job] == 0 && events.packed) events.packed(*copies[c].rows);
      if (thread == 0 && events.progress)
        events.progress(static_cast<double>(panel) / static_cast<double>(panels));
    }
  });
  if (failed_panel < panels) return std::unexpected(std::move(error));
  if (stopped) return fail(Error::Kind::interrupted, "interrupted while weights were packed");
  if (events.progress) events.progress(1);
  return {};
}

}  // namespace bitnet
