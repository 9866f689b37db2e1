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
write() {  # NAME SHAPE ...: synthetic
  name=$1 shape=$2
  shift 2
  "$synth" "$shape" "$folder/$name.gguf" -t 1 > /dev/null 2>&1 "$@"
}
make() {
  write "$1" tiny --arch "$2" --type "$3" --head "$4" --seed "$5"
  check "$folder/$1.gguf" 16
}
bend() {  # NAME MODEL KEY=VALUE ...
  name=$1 model=$2
  shift 2
  "$python" bitnet_numpy.py keys "$folder/$model.gguf" "$folder/$name.gguf" "$@"
  check "$folder/$name.gguf" 24
}
make silu bitnet i2_s q6_k 1
make relu2 bitnet-b1.58 tq2_0 f16 2
make alias bitnet-25 i2_s q8_0 4
make llama llama tq1_0 bf16 3
"$python" bitnet_numpy.py factors "$folder/llama.gguf" "$folder/factors.gguf"
check "$folder/factors.gguf" 16
bend linear llama rope.scaling.type=linear rope.scaling.factor=2.5
bend yarn llama rope.scaling.type=yarn rope.scaling.factor=8.0 rope.scaling.original_context_length=32 \
  rope.scaling.attn_factor=1.25
write qwen3 tiny-qwen3 --type tq2_0 --head f16 --seed 6  # tied, YaRN
check "$folder/qwen3.gguf" 40
make absent qwen3 i2_s q6_k 7                            # no scaling
write minicpm tiny-minicpm --type tq1_0 --seed 8         # scales, longrope
check "$folder/minicpm.gguf" 24                          # by the short factors
bend long minicpm rope.scaling.original_context_length=23
check ../../models/demo.gguf 48
exit $failed
