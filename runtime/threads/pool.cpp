#include "runtime/threads/pool.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace bitnet {
namespace {

// How long a thread spins before it parks, in pause instructions. A pause takes 40 to 140 cycles on
// x86-64, so this is some 20 to 60 us: longer than the imbalance between threads inside a token,
// shorter than anybody notices.
constexpr int kSpins = 1024;
// With more threads than cores, whom we wait for may be waiting for our core.
constexpr int kSpinsOversubscribed = 8;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` is a no-op on most cores; an isb takes about as long as a pause
#endif
}

// Waits until value != seen; returns the new value. Acquires what the writer released.
uint32_t wait_until_changed(const std::atomic<uint32_t>& value, uint32_t seen, int spins) {
  for (int i = 0; i < spins; ++i) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != seen) return now;
    relax();
  }
  value.wait(seen, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

// Sequentially consistent on purpose: notify_all reads the number of parked threads, which must not
// move before the change that they wait for, or a thread could park just then and sleep for ever.
void change(std::atomic<uint32_t>& value) {
  value.fetch_add(1, std::memory_order_seq_cst);
  value.notify_all();
}

}  // namespace

// Each counter on a cache line of its own: they are written by different threads at different
// times.
struct ThreadPool::State {
  alignas(64) std::atomic<uint32_t> generation{0};             // one more for every run
  alignas(64) std::atomic<int> arrived{0};                     // at the barrier, in this phase
  alignas(64) std::atomic<uint32_t> phase{0};                  // one more for every barrier passed
  alignas(64) const std::function<void(int)>* body = nullptr;  // null: end
  int size = 1;
  int spins = kSpins;
  std::vector<std::jthread> threads;

  void barrier() {
    // Read before arriving: afterwards the last thread may change it at any time.
    const uint32_t seen = phase.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
      arrived.store(0, std::memory_order_relaxed);
      change(phase);
    } else {
      wait_until_changed(phase, seen, spins);
    }
  }

  void work(int thread) {
    for (uint32_t seen = 0;;) {
      seen = wait_until_changed(generation, seen, spins);
      if (body == nullptr) return;
      (*body)(thread);
      barrier();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  state_->size = std::max(1, threads);
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  if (cores > 0 && state_->size > cores) state_->spins = kSpinsOversubscribed;
  for (int thread = 1; thread < state_->size; ++thread)
    state_->threads.emplace_back([state = state_.get(), thread] { state->work(thread); });
}

ThreadPool::~ThreadPool() {
  state_->body = nullptr;
  change(state_->generation);
}

int ThreadPool::size() const { return state_->size; }

void ThreadPool::run(const std::function<void(int thread)>& body) {
  if (state_->size == 1) return body(0);
  state_->body = &body;
  change(state_->generation);
  body(0);
  state_->barrier();  // the join is a barrier like any other
}

void ThreadPool::barrier(int) {
  if (state_->size > 1) state_->barrier();
}

Range share(int64_t total, int64_t step, int parts, int index) {
  const int64_t units = (total + step - 1) / step;
  const auto end_of = [&](int64_t part) { return std::min(total, units * part / parts * step); };
  return {end_of(index), end_of(index + 1)};
}

}  // namespace bitnet
