#!/usr/bin/env bash
# The demo model's perplexity as models/README.md states it, in both modes, to the last digit: the numerics are exact.
#   perplexity_test.sh SOURCE_DIR BITNET_RUN
set -euo pipefail
cd "$1"
command='build/release/bin/bitnet-run models/demo.gguf --perplexity models/kjv_held.txt -c 256'
failures=0
for mode in llama full; do
  stated=$(grep -A1 -F "$command --ppl-mode $mode" models/README.md | grep -o 'Final estimate: .*' || true)
  found=$("$2" models/demo.gguf --perplexity models/kjv_held.txt -c 256 --ppl-mode $mode --log-disable | tail -1)
  if [ -n "$stated" ] && [ "$found" = "$stated" ]; then
    echo "ok: $mode: $found"
  else
    echo "models/README.md: $mode: ${stated:-nothing stated}; found: $found"
    failures=$((failures + 1))
  fi
done
exit $((failures > 0))
