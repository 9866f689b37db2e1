// Who wants to know how a tuning gets on: a program draws a bar, a test counts.
#pragma once

#include <string>

namespace bitnet::tuner {

class Listener {
 public:
  virtual ~Listener() = default;
  // fraction 0..1 of the work; what: "timing gate_up 13824x2560: best 1.21x of built-in"
  virtual void update(double fraction, const std::string& what, double seconds_left) = 0;
  // A line that the user should read.
  virtual void say(const std::string& line) = 0;
};

class SilentListener final : public Listener {
 public:
  void update(double, const std::string&, double) override {}
  void say(const std::string&) override {}
};

}  // namespace bitnet::tuner
