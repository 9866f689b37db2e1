#!/bin/sh
# bitnet-run stays slim and its numbers its own: it links no LLVM and uses no libm function.
#   run_binary_test.sh NM READELF BINARY
set -eu
nm=$1 readelf=$2 binary=$3
needed=$("$readelf" -d "$binary" | grep NEEDED || true)
if echo "$needed" | grep -qi 'llvm\|lld\|clang'; then echo "links LLVM:"; echo "$needed"; exit 1; fi
undefined=$("$nm" -D --undefined-only "$binary" | sed 's/.* U //; s/.* w //; s/@.*//')
[ -n "$undefined" ] || { echo "no undefined symbols were found at all: this test cannot see"; exit 1; }
# Names that libm gives a meaning to, as doubles, floats and long doubles.
for f in sin cos tan asin acos atan atan2 sincos sinh cosh tanh exp exp2 exp10 expm1 log log2 log10 log1p pow cbrt hypot \
         erf erfc lgamma tgamma fma fmod remainder sqrt ceil floor trunc round roundeven rint nearbyint lround llround \
         lrint llrint ldexp frexp modf logb ilogb scalbn scalbln fmax fmin fdim; do
  for name in "$f" "${f}f" "${f}l"; do
    if echo "$undefined" | grep -qx "$name"; then echo "uses $name"; bad=1; fi
  done
done
[ -z "${bad:-}" ] || exit 1
