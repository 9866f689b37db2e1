#include "tools/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace bitnet {

Progress::Progress(std::string what)
    : what_(std::move(what)),
      terminal_(isatty(STDERR_FILENO) == 1),
      begin_(Clock::now()),
      last_(begin_) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::show(double share) {
  using std::chrono::duration;
  const Clock::time_point now = Clock::now();
  const double elapsed = duration<double>(now - begin_).count();
  if (!terminal_ || elapsed < 1 || duration<double>(now - last_).count() < 0.1) return;
  last_ = now;
  drawn_ = true;
  constexpr int kWidth = 32;
  share = std::clamp(share, 0.0, 1.0);
  const int full = static_cast<int>(share * kWidth);
  const double left = share > 0 ? elapsed / share - elapsed : 0;
  fmt::print(stderr, "\r{} [{:=<{}}{:<{}}] {:3.0f} %, {:.0f} s left\x1b[K", what_, "", full, "",
             kWidth - full, share * 100, left);
  std::fflush(stderr);
}

}  // namespace bitnet
