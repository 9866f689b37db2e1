#!/bin/sh
# The trained models against mainline llama.cpp from npm (mainline.py), and graphs that none of them has
# (mainline_graphs.py).
#   mainline_test.sh BITNET_RUN DUMP_LOGITS BITNET_SYNTH     exit code 77: skipped
set -eu
cd "$(dirname "$0")"
skip() { echo "skipped: $*"; exit 77; }
python=${BITNET_NUMPY_PYTHON:-/usr/bin/python3}
"$python" -c 'import numpy' 2> /dev/null || skip "$python has no numpy (Debian package python3-numpy)"
folder=$(./install.sh 2>&1) || skip "llama.cpp cannot be installed: $folder"
folder=$(printf '%s\n' "$folder" | tail -n 1)
check() { "$python" mainline.py "$run" "$dump" "../../models/$1" ../../models/kjv_held.txt "$folder"; }
run=$1 dump=$2 synth=$3
check test.gguf
check demo.gguf
"$python" mainline_graphs.py "$synth" "$dump" "$folder"
