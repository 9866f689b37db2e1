// A progress bar on stderr, for work that takes longer than a second and only where a person is
// looking (a terminal).
#pragma once

#include <chrono>
#include <string>

namespace bitnet {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // wipes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // share 0..1. Draws at most ten times a second.
  void show(double share);

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point begin_, last_;
};

}  // namespace bitnet
