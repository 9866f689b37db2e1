#!/bin/sh
# Tokenizers and chat templates against llama.cpp, @huggingface/tokenizers and @huggingface/jinja from npm, on random
# texts and conversations (text_cases.mjs).
#   text_test.sh CHECK_TEXT     exit code 77: skipped
set -eu
cd "$(dirname "$0")"
skip() { echo "skipped: $*"; exit 77; }
oracle=$(./install.sh 2>&1) || skip "reference tokenizers cannot be installed: $oracle"
oracle=$(printf '%s\n' "$oracle" | tail -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
node text_cases.mjs "$oracle" "$folder" 10000
failed=0
for cases in qwen3.hf qwen3.llama qwen35.llama sentencepiece.llama; do
  "$1" "$folder/${cases%.*}.gguf" "$folder/$cases.cases" || failed=1
done
exit $failed
