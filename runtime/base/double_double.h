// Numbers as unevaluated sums of two doubles (about 106 bits), and the few elementary functions
// that tables need, without libm: the same bits on every machine, as docs/NUMERICS.md asks. Not
// fast: for tables and reports, never per weight. Error-free sums and products: Knuth and Dekker;
// compiled with -ffp-contract=off, which they rely on.
#pragma once

namespace bitnet {

struct DoubleDouble {
  double hi = 0, lo = 0;  // |lo| <= half an ulp of hi
};

DoubleDouble operator+(DoubleDouble a, DoubleDouble b);
DoubleDouble operator*(DoubleDouble a, DoubleDouble b);
inline DoubleDouble operator-(DoubleDouble a) { return {-a.hi, -a.lo}; }
inline DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + -b; }
DoubleDouble operator/(DoubleDouble a, double b);

// Relative errors below 2^-95; |x| <= 700.
DoubleDouble exp(DoubleDouble x);
// x > 0, a normal number. Absolute error below 2^-95 (1 + |log x|).
DoubleDouble log(double x);

struct SinCos {
  double sin = 0, cos = 0;
};
// Within one ulp of a double for |x| < 2^30.
SinCos sin_cos(DoubleDouble x);

}  // namespace bitnet
