#!/bin/sh
# bitnet-run stays slim and its numbers its own: it is small, links a short list of libraries (no LLVM), does little before
# main, and uses no libm function. Sizes stand for the time that starting takes: a test asserts no time.
#   run_binary_test.sh NM READELF BINARY [STRIP]     with STRIP: a release build, whose size and libraries count, too
set -eu
nm=$1 readelf=$2 binary=$3 strip=${4:-}
needed=$("$readelf" -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
if echo "$needed" | grep -qi 'llvm\|lld\|clang'; then echo "links LLVM:" $needed; exit 1; fi

at_most() {  # WHAT LIMIT FOUND
  [ "$3" -gt 0 ] || { echo "$1: found nothing at all: this test cannot see"; exit 1; }
  [ "$3" -le "$2" ] || { echo "$1: found $3, wanted at most $2"; bad=1; }
}
if [ -n "$strip" ]; then
  # Every library is opened, mapped and relocated at each start.
  for library in $needed; do
    case $library in
      libc.so.6 | libm.so.6 | libgcc_s.so.1 | libstdc++.so.6 | ld-linux-*.so.* | libfmt.so.* | libpcre2-8.so.*) ;;
      *) echo "links $library, which is not on the list"; bad=1 ;;
    esac
  done
  folder=$(mktemp -d)
  trap 'rm -r "$folder"' EXIT
  "$strip" -o "$folder/stripped" "$binary"
  at_most "bytes, stripped" $((4 * 1024 * 1024)) "$(wc -c <"$folder/stripped")"
  # What runs before main: a table, and CLI11's constants in each file that includes it.
  array=$("$readelf" -SW "$binary" | sed -n 's/.* \.init_array  *INIT_ARRAY *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\) .*/\1/p')
  at_most "static initialisers" 32 $((0x${array:-0} / 8))
  at_most "dynamic relocations" 4000 "$("$readelf" -rW "$binary" | grep -c ' R_')"
fi

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
