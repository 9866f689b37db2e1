#include "tools/common/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "tools/common/console.h"

namespace bitnet {

Progress::Style Progress::style_for_stderr(bool quiet) {
  if (quiet) return Style::quiet;
  return isatty(STDERR_FILENO) != 0 ? Style::bar : Style::lines;
}

std::string progress_line(double fraction, const std::string& what, double seconds_left,
                          size_t columns) {
  constexpr size_t kWidth = 24;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const auto full = static_cast<size_t>(fraction * kWidth + 0.5);
  std::string left = "   ?";
  if (seconds_left >= 0) {
    const auto seconds = static_cast<long>(seconds_left + 0.5);
    left = fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  }
  std::string line = fmt::format("[{}{}] {:3.0f} % {} left  {}", std::string(full, '#'),
                                 std::string(kWidth - full, '.'), 100 * fraction, left, what);
  if (line.size() > columns) line.resize(columns);
  return line;
}

void Progress::update(double fraction, const std::string& what, double seconds_left) {
  if (style_ != Style::bar) return;
  const auto now = std::chrono::steady_clock::now();
  if (on_screen_ && now - drawn_ < std::chrono::milliseconds(100)) return;
  drawn_ = now;
  winsize size{};
  const size_t columns =
      ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
  message("\r{}\033[K", progress_line(fraction, what, seconds_left, columns));
  on_screen_ = true;
}

void Progress::update(double fraction, const std::string& what) {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
  if (passed.count() < 1) return;
  update(fraction, what, fraction > 0 ? passed.count() / fraction - passed.count() : -1);
}

void Progress::say(const std::string& line) {
  if (style_ == Style::quiet) return;
  clear();
  message("{}\n", line);
}

void Progress::clear() {
  if (!on_screen_) return;
  write_message("\r\033[K");
  on_screen_ = false;
}

}  // namespace bitnet
