#include "runtime/threads/pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>
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

// What this process may use at once: threads beyond it wait for one another's cores.
int usable_cpus() {
  const auto cpus = static_cast<int>(affinity_cpus().size());
  const int known = cpus > 0 ? cpus : static_cast<int>(std::thread::hardware_concurrency());
  const double quota = cpu_quota().value_or(known);
  return std::max(1, static_cast<int>(std::min(quota, static_cast<double>(known))));
}

// A thread leaves body by this when another one failed, so that it may meet the others at the end.
struct Abandoned {};

}  // namespace

// Each counter on a cache line of its own: they are written by different threads at different
// times.
struct ThreadPool::State {
  alignas(64) std::atomic<uint32_t> generation{0};  // one more for every run
  alignas(64) std::atomic<int> arrived{0};          // at the barrier, in this phase
  std::atomic<int> leaving{0};                      // done with body, one way or the other
  alignas(64) std::atomic<uint32_t> phase{0};       // one more for every barrier passed
  bool all_left = false;  // at the last barrier passed; written by the last to arrive
  alignas(64) const std::function<void(int)>* body = nullptr;  // null: end
  std::atomic<bool> failed{false};
  std::exception_ptr failure;  // of the thread that set failed
  int size = 1;
  int spins = kSpins;
  std::vector<std::jthread> threads;

  void arrive() {
    // Read before arriving: afterwards the last thread may change it at any time.
    const uint32_t seen = phase.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 < size) {
      wait_until_changed(phase, seen, spins);
      return;
    }
    arrived.store(0, std::memory_order_relaxed);
    all_left = leaving.load(std::memory_order_relaxed) == size;
    if (all_left) leaving.store(0, std::memory_order_relaxed);
    change(phase);
  }

  void barrier() {
    arrive();
    if (failed.load(std::memory_order_relaxed)) throw Abandoned{};
  }

  // The end of a run is a barrier like any other. Threads that failed come early and meet the
  // others at their next barriers, until those have left body, too.
  void leave() {
    leaving.fetch_add(1, std::memory_order_relaxed);
    do arrive();
    while (!all_left);
  }

  void perform(int thread) {
    try {
      (*body)(thread);
    } catch (const Abandoned&) {
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
    leave();
  }

  void work(int thread) {
    for (uint32_t seen = 0;;) {
      seen = wait_until_changed(generation, seen, spins);
      if (body == nullptr) return;
      perform(thread);
    }
  }

  ~State() {
    body = nullptr;
    change(generation);
  }
};

ThreadPool::ThreadPool(std::unique_ptr<State> state) : state_(std::move(state)) {}
ThreadPool::ThreadPool(ThreadPool&&) noexcept = default;
ThreadPool::~ThreadPool() = default;

Result<ThreadPool> ThreadPool::start(int threads) {
  auto state = std::make_unique<State>();
  state->size = std::max(1, threads);
  if (state->size > usable_cpus()) state->spins = kSpinsOversubscribed;
  state->threads.reserve(static_cast<size_t>(state->size));
  for (int thread = 1; thread < state->size; ++thread) {
    try {
      state->threads.emplace_back([state = state.get(), thread] { state->work(thread); });
    } catch (const std::system_error& error) {
      return fail(Error::Kind::io, "found room for {} of {} threads: {}; ask for fewer (-t)",
                  thread, state->size, error.code().message());
    }
  }
  return ThreadPool(std::move(state));
}

int ThreadPool::size() const { return state_->size; }

void ThreadPool::run(const std::function<void(int thread)>& body) {
  if (state_->size == 1) return body(0);
  state_->body = &body;
  change(state_->generation);
  state_->perform(0);
  if (!state_->failed.load(std::memory_order_relaxed)) return;
  state_->failed.store(false, std::memory_order_relaxed);
  std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

void ThreadPool::barrier(int) {
  if (state_->size > 1) state_->barrier();
}

}  // namespace bitnet
