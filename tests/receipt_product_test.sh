#!/usr/bin/env bash
# One receipt, whatever computes it: kernels (reference, built-in, tuned) x levels x threads x how the prompt is cut,
# on the demo model and a synthetic 125M. Each axis alone and a dozen combinations, or all with BITNET_FULL=1.
#   receipt_product_test.sh SOURCE_DIR BIN_DIR LEVEL ...     BIN_DIR: bitnet-run, bitnet-synth and, maybe, bitnet-tune
set -euo pipefail
source_dir=$1 bin=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0 checked=0

head -c 300 "$source_dir/models/kjv_held.txt" >"$work/prompt.txt"
"$bin/bitnet-synth" 125M "$work/125M.gguf" >/dev/null 2>&1

receipt() {  # MODEL OPTION ...; what else was said lies in $work/log
  "$bin/bitnet-run" "$1" -f "$work/prompt.txt" -n 6 --temp 0 --receipt=full "${@:2}" 2>"$work/log" >/dev/null || true
  tail -1 "$work/log"
}

# Levels that this CPU has, the best one last.
levels=()
for level in "$@"; do
  [[ $(receipt "$source_dir/models/demo.gguf" --isa "$level") == *"this CPU has"* ]] || levels+=("$level")
done
[ ${#levels[@]} -gt 0 ] || { echo "no level of: $*"; exit 1; }

# Options, one way a line: "KERNELS LEVEL THREADS TOKENS-AT-ONCE".
ways() {
  local best=${levels[-1]} level kernels threads cut
  for kernels in reference builtin tuned; do echo "$kernels $best 2 512"; done
  for level in "${levels[@]}"; do echo "builtin $level 2 512"; done
  for threads in 1 2 3; do echo "tuned $best $threads 512"; done
  for cut in 512 13 1; do echo "tuned $best 2 $cut"; done
  for kernels in builtin tuned; do
    for level in "${levels[@]}"; do
      for threads in 1 2 3; do
        for cut in 512 13 1; do echo "$kernels $level $threads $cut"; done
      done
    done
  done | if [ -n "${BITNET_FULL:-}" ]; then cat; else shuf -n 12 --random-source="$work/prompt.txt"; fi
}

check_model() {
  local model=$1 wanted found kernels level threads cut options tuned=1
  [ -x "$bin/bitnet-tune" ] || { tuned=0; echo "no bitnet-tune in this build: built-in kernels only"; }
  wanted=$(receipt "$model" --kernels reference --isa scalar -t 1)
  [[ $wanted == "receipt 1-full"* ]] || { echo "$model: no receipt: $wanted"; failures=$((failures + 1)); return; }
  while read -r kernels level threads cut; do
    options=(--isa "$level" -t "$threads" -b "$cut" -ub "$cut")
    case $kernels in
      tuned)
        [ $tuned = 1 ] || continue
        if ! [ -e "$work/$level.kc" ] && ! "$bin/bitnet-tune" "$model" --isa "$level" -t 2 --preset quick --budget 2s \
            --wisdom ignore --memory "$work" -o "$work/$level.kc" -q >"$work/log" 2>&1; then
          echo "bitnet-tune --isa $level: $(tail -1 "$work/log")"
          failures=$((failures + 1))
          continue
        fi
        options+=(--cache "$work/$level.kc")
        ;;
      *) options+=(--kernels "$kernels") ;;
    esac
    found=$(receipt "$model" "${options[@]}")
    checked=$((checked + 1))
    if [ "$kernels" = tuned ] && ! grep -q "^kernels: tuned kernels of $work/" "$work/log"; then
      found="$(grep '^kernels:' "$work/log")"
    fi
    [ "$found" = "$wanted" ] && continue
    echo "$(basename "$model"): $wanted; with ${options[*]} found: ${found:-nothing}"
    failures=$((failures + 1))
  done < <(ways | awk '!seen[$0]++')
  rm -f "$work"/*.kc
}

check_model "$source_dir/models/demo.gguf"
check_model "$work/125M.gguf"
echo "$checked ways, $failures failures; levels: ${levels[*]}"
exit $((failures > 0))
