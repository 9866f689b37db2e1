// One persistent pool of threads for the whole program. The caller is thread 0, so a pool of 1
// starts none. Threads spin briefly for the next piece of work and then park, so that an idle
// program gives its cores back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/base/range.h"
#include "runtime/base/result.h"
#include "runtime/cpu/topology.h"  // default_thread_count

namespace bitnet {

class ThreadPool {
 public:
  // threads >= 1. Threads are not pinned: virtual cores move, and the scheduler sees more than we
  // do. An error where the system gives fewer: none is left running then.
  static Result<ThreadPool> start(int threads);
  ~ThreadPool();
  ThreadPool(ThreadPool&&) noexcept;
  ThreadPool& operator=(ThreadPool&&) = delete;

  int size() const;

  // Runs body(thread) once on every thread, 0..size()-1, and returns when all are done. Not
  // re-entrant. Everything written before is seen by body, everything body wrote is seen after.
  // What body throws on any thread (std::bad_alloc) ends the run and is thrown here: of several
  // the first; a thread that waits at a barrier then leaves body by an exception, too.
  void run(const std::function<void(int thread)>& body);

  // Inside run: waits until every thread of the pool has called it.
  void barrier(int thread);

 private:
  struct State;
  explicit ThreadPool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bitnet
