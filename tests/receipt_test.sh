#!/usr/bin/env bash
# The receipt that README.md states for the demo model, computed here in other ways.
#   receipt_test.sh SOURCE_DIR [--qemu-aarch64] BITNET_RUN [LEVEL ...]
# Every kernel choice, and the given ISA levels as far as this CPU has them. With --qemu-aarch64 the cross-built program;
# exits with 77 where there is none.
set -euo pipefail
source_dir=$1 program=("$2")
shift 2
if [ "${program[0]}" = --qemu-aarch64 ]; then
  command -v qemu-aarch64 >/dev/null || { echo "skipped: no qemu-aarch64"; exit 77; }
  [ -x "$1" ] || { echo "skipped: no cross-built $1 (scripts/build-aarch64 makes it)"; exit 77; }
  program=(qemu-aarch64 "$1")
  shift
fi

stated=$(grep -Eo '^ +receipt 1.*' "$source_dir/README.md" | sed 's/^ *//')
options=$(sed -n 's/^ *build\/release\/bin\/bitnet-run \(models\/demo\.gguf.*--receipt.*\)/\1/p' "$source_dir/README.md" | head -1)
[ -n "$stated" ] && [ -n "$options" ] || { echo "README.md states no receipt, or not how to get it"; exit 1; }

cd "$source_dir"
failures=0
receipt_with() { eval "\"\${program[@]}\" $options --log-disable $*" 2>&1 >/dev/null || true; }
check() {
  local found
  found=$(receipt_with "$@" | tail -1)
  if [ "$found" = "$stated" ]; then
    echo "ok: ${*:-default}"
  elif [[ $found == *"this CPU has none of it"* ]]; then
    echo "skipped: $found"
  else
    echo "README.md: $stated; with '${*:-no options}' found: ${found:-nothing}"
    failures=$((failures + 1))
  fi
}

check
check --kernels reference -t 1
check -t 3 -ub 1
check -t 2 -ub 3
for level in "$@"; do check --isa "$level" -t 2; done
exit $((failures > 0))
