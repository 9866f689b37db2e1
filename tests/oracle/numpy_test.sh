#!/bin/sh
# The reference path against the numpy forward pass: tiny random models of every architecture, and the demo.
#   numpy_test.sh BITNET_SYNTH DUMP_LOGITS     exit code 77: skipped
set -eu
cd "$(dirname "$0")"
python=${BITNET_NUMPY_PYTHON:-/usr/bin/python3}
"$python" -c 'import numpy' 2> /dev/null || { echo "skipped: $python has no numpy (Debian package python3-numpy)"; exit 77; }
synth=$1 dump=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
check() {
  "$python" bitnet_numpy.py compare "$dump" "$@" || failed=1
}
make() {
  "$synth" tiny "$folder/$1.gguf" -t 1 > /dev/null 2>&1 --arch "$2" --type "$3" --head "$4" --seed "$5"
  check "$folder/$1.gguf" 16
}
make silu bitnet i2_s q6_k 1
make relu2 bitnet-b1.58 tq2_0 f16 2
make alias bitnet-25 i2_s q8_0 4
make llama llama tq1_0 bf16 3
"$python" bitnet_numpy.py factors "$folder/llama.gguf" "$folder/factors.gguf"
check "$folder/factors.gguf" 16
check ../../models/demo.gguf 48
exit $failed
