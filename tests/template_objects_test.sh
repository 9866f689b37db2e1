#!/bin/sh
# What object files of templates may contain: no call out of the room (no libm, no memcpy), and below AVX-512 no EVEX
# instruction, which would flatter "AVX2" by up to 40 %.
#   template_objects_test.sh NM OBJDUMP ALLOWED_SYMBOLS EVEX_LEVELS archive...
# ALLOWED_SYMBOLS: a regular expression; EVEX_LEVELS: the levels from AVX-512 on, as CMake writes lists.
set -eu
nm=$1 objdump=$2 allowed=$3 evex=$(echo "$4" | tr ';' '|')
shift 4
failed=0
for archive in "$@"; do
  calls=$("$nm" --undefined-only "$archive" 2>/dev/null | awk '$1 == "U" { print $2 }' | grep -Ev "$allowed" | sort -u || true)
  if [ -n "$calls" ]; then
    echo "$archive: undefined symbols:" $calls
    failed=1
  fi
  # In 64-bit mode an instruction whose first byte is 62 is EVEX and nothing else. AVX-512 objects prove that this sees any.
  "$objdump" -d "$archive" | awk -v may_hold="_($evex)(__|\\.)" '
    /file format/ { x86 = /x86-64/; sub(/.*\(/, ""); sub(/\).*/, ""); member = $0; seen++ }
    /^ *[0-9a-f]+: 62 / { evex[member]++ }
    END {
      if (!seen) { print "no objects"; exit 1 }
      for (m in evex) {
        if (m ~ may_hold) found = 1
        else { print m ": " evex[m] " EVEX instructions"; bad = 1 }
      }
      if (x86 && !found) { print "no EVEX instruction even at AVX-512: this check is broken"; bad = 1 }
      exit bad
    }' || { echo "in $archive"; failed=1; }
done
exit $failed
