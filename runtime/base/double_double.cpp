#include "runtime/base/double_double.h"

#include <bit>
#include <cstdint>

namespace bitnet {
namespace {

// a + b exactly; |a| >= |b| or a == 0.
DoubleDouble quick_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double part = sum - a;
  return {sum, (a - (sum - part)) + (b - part)};
}

// The high 26 bits of a; the rest is exact (Veltkamp). |a| < 2^995.
double high_half(double a) {
  const double t = 134217729.0 * a;  // 2^27 + 1
  return t - (t - a);
}

// a * b exactly, without an fma instruction, which not every machine has (Dekker).
DoubleDouble two_product(double a, double b) {
  const double product = a * b;
  const double a1 = high_half(a), a2 = a - a1, b1 = high_half(b), b2 = b - b1;
  return {product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
}

// To the nearest integer, ties to even; |x| < 2^51.
double nearest(double x) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  return (x + kMagic) - kMagic;
}

// 2^n for -1022 <= n <= 1023.
double power_of_two(int64_t n) {
  return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52);
}

constexpr DoubleDouble kLn2{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
// pi / 2 in three parts: for sin_cos, whose argument may be 2^30 times larger than what is left of
// it.
constexpr double kHalfPi1 = 0x1.921fb54442d18p+0;
constexpr double kHalfPi2 = 0x1.1a62633145c07p-54;
constexpr double kHalfPi3 = -0x1.f1976b7ed8fbcp-110;

}  // namespace

DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble s = two_sum(a.hi, b.hi), t = two_sum(a.lo, b.lo);
  const DoubleDouble u = quick_two_sum(s.hi, s.lo + t.hi);
  return quick_two_sum(u.hi, u.lo + t.lo);
}

DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble p = two_product(a.hi, b.hi);
  return quick_two_sum(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

DoubleDouble operator/(DoubleDouble a, double b) {
  const double q1 = a.hi / b;
  const DoubleDouble rest = a - two_product(q1, b);
  return quick_two_sum(q1, rest.hi / b);
}

// x = n ln 2 + 512 r, |r| < 0.0007; exp(r) by its series, squared nine times. The squarings
// multiply the relative error, some 2^-105, by 2^9.
DoubleDouble exp(DoubleDouble x) {
  const double n = nearest(x.hi / kLn2.hi);
  DoubleDouble r = x - kLn2 * DoubleDouble{n, 0};
  r = {r.hi * 0x1p-9, r.lo * 0x1p-9};
  // To r^9 / 9!: the next term is below 2^-126.
  DoubleDouble sum{1, 0};
  for (int i = 9; i >= 1; --i) sum = DoubleDouble{1, 0} + r * sum / static_cast<double>(i);
  for (int i = 0; i < 9; ++i) sum = sum * sum;
  const double scale = power_of_two(static_cast<int64_t>(n));
  return {sum.hi * scale, sum.lo * scale};
}

// x = 2^e m. The logarithm of m: a first value in double, then one Newton step with exp, y + (m
// exp(-y) - 1), whose error is the square of y's.
DoubleDouble log(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  auto e = static_cast<double>(static_cast<int64_t>(bits >> 52) - 1023);
  double m = std::bit_cast<double>((bits & 0xfffffffffffffU) | (uint64_t{1023} << 52));
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e += 1;
  }
  // log m = 2 atanh(z), |z| < 0.172: z^23 / 23 is below 2^-62.
  const double z = (m - 1) / (m + 1), z2 = z * z;
  double series = 0;
  for (int i = 21; i >= 1; i -= 2) series = series * z2 + 1.0 / i;
  const double y = 2 * z * series;
  const DoubleDouble log_m =
      DoubleDouble{y, 0} + (DoubleDouble{m, 0} * exp({-y, 0}) - DoubleDouble{1, 0});
  return kLn2 * DoubleDouble{e, 0} + log_m;
}

// x = n pi/2 + r, |r| <= pi/4, in 159 bits of pi (Cody and Waite), then Taylor's series in double:
// at pi/4 their next terms are below 2^-56 of the result; the low part of r enters by its first
// derivative.
SinCos sin_cos(DoubleDouble x) {
  const double n = nearest(x.hi / kHalfPi1);
  DoubleDouble r = x - two_product(n, kHalfPi1);
  r = r - two_product(n, kHalfPi2);
  r = r - two_product(n, kHalfPi3);
  const double z = r.hi * r.hi;
  // sin r = r + r z s, cos r = 1 - z/2 + z^2 c
  double s = 0, c = 0;
  for (int i = 17; i >= 3; i -= 2) s = (z * s + 1) * (-1.0 / (i * (i - 1)));
  for (int i = 18; i >= 4; i -= 2) c = (z * c + 1) * (-1.0 / (i * (i - 1)));
  const double half = 0.5 * z;
  const DoubleDouble one_less = quick_two_sum(1, -half);
  const double sin = r.hi + (r.hi * z * s + r.lo * (1 - half));
  const double cos = one_less.hi + (one_less.lo - half * z * c - r.hi * r.lo);
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      return {sin, cos};
    case 1:
      return {cos, -sin};
    case 2:
      return {-sin, -cos};
    default:
      return {-cos, sin};
  }
}

}  // namespace bitnet
