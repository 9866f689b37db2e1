#include "runtime/model/rope_scaling.h"

#include <algorithm>
#include <iterator>

namespace bitnet {
namespace {

constexpr std::string_view kNames[] = {"none", "linear", "yarn", "longrope"};

constexpr double kTwoPi = 6.283185307179586;
constexpr double kBetaFast = 32, kBetaSlow = 1;  // llama.cpp's, for every architecture read here

bool is_stretched(const RopeScaling& scaling) {
  return scaling.factor != 1 &&
         (scaling.stretch == RopeStretch::linear || scaling.stretch == RopeStretch::yarn);
}

// The largest whole number up to x, |x| < 2^51.
double floor(double x) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: rounds to an integer
  const double nearest = (x + kMagic) - kMagic;
  return nearest > x ? nearest - 1 : nearest;
}

// The pair that makes so many turns in the original context, a fraction.
double pair_of_turns(const RopeSettings& rope, double turns) {
  const double positions = static_cast<double>(rope.scaling.original_context) / (turns * kTwoPi);
  return static_cast<double>(rope.dimensions) * log(positions).hi / (2 * log(rope.base).hi);
}

}  // namespace

std::string_view name(RopeStretch stretch) { return kNames[static_cast<size_t>(stretch)]; }

std::optional<RopeStretch> rope_stretch(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<RopeStretch>(found - std::begin(kNames));
}

YarnRamp yarn_ramp(const RopeSettings& rope) {
  return {.low = std::max(0.0, floor(pair_of_turns(rope, kBetaFast))),
          .high = std::min(static_cast<double>(rope.dimensions - 1),
                           -floor(-pair_of_turns(rope, kBetaSlow)))};
}

std::vector<DoubleDouble> rope_frequencies(const RopeSettings& rope,
                                           std::span<const float> factors) {
  const RopeScaling& scaling = rope.scaling;
  const DoubleDouble log_base = log(rope.base);
  std::vector<DoubleDouble> frequencies;
  for (int64_t i = 0; i < rope.dimensions / 2; ++i) {
    const DoubleDouble power = log_base * DoubleDouble{static_cast<double>(2 * i), 0};
    const double factor =
        factors.empty() ? 1 : static_cast<double>(factors[static_cast<size_t>(i)]);
    frequencies.push_back(exp(-(power / static_cast<double>(rope.dimensions))) / factor);
  }
  if (!is_stretched(scaling)) return frequencies;
  const bool yarn = scaling.stretch == RopeStretch::yarn;
  const YarnRamp ramp = yarn ? yarn_ramp(rope) : YarnRamp{};
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double along =
        (static_cast<double>(i) - ramp.low) / std::max(0.001, ramp.high - ramp.low);
    const double kept = yarn ? 1 - std::clamp(along, 0.0, 1.0) : 0;
    frequencies[i] = frequencies[i] * DoubleDouble{1 - kept, 0} / scaling.factor +
                     frequencies[i] * DoubleDouble{kept, 0};
  }
  return frequencies;
}

double rope_magnitude(const RopeScaling& scaling) {
  if (scaling.stretch != RopeStretch::yarn || scaling.factor <= 1) return scaling.attention_factor;
  const DoubleDouble own = DoubleDouble{1, 0} + log(scaling.factor) / 10;
  return (own * DoubleDouble{scaling.attention_factor, 0}).hi;
}

}  // namespace bitnet
