// Progress of a tool, on stderr: a bar that redraws itself on a terminal, a line a step elsewhere,
// nothing when quiet.
#pragma once

#include <chrono>
#include <string>

namespace bitnet {

class Progress {
 public:
  enum class Style { bar, lines, quiet };
  // bar where stderr is a terminal, lines elsewhere
  static Style style_for_stderr(bool quiet);

  explicit Progress(Style style) : style_(style) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // fraction 0..1 of the work; what: "timing gate_up 13824x2560: best 1.21x of built-in";
  // seconds_left < 0: unknown.
  void update(double fraction, const std::string& what, double seconds_left);
  // The same where what is left is as slow as what was done; work of less than a second has no bar.
  void update(double fraction, const std::string& what);
  // A line that stays.
  void say(const std::string& line);
  void clear();

 private:
  Style style_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
  bool on_screen_ = false;
};

// "[#########.......]  55 %  0:12 left  what", cut to `columns`.
std::string progress_line(double fraction, const std::string& what, double seconds_left,
                          size_t columns);

}  // namespace bitnet
