# Shared by the scripts here: which Debian packages are needed, and how to get them. Source it; it runs nothing.
# shellcheck shell=bash

build_packages=(
  clang-19 llvm-19-dev liblld-19 liblld-19-dev zlib1g-dev libzstd-dev   # compiler of the kernels, and the tuner's LLVM
  g++ cmake ninja-build ccache
  libfmt-dev libcli11-dev nlohmann-json3-dev libpcre2-dev libxxhash-dev
)
test_packages=(
  llvm-19 binutils libgtest-dev libbenchmark-dev python3-numpy           # structural checks, tests, the numpy oracle
)
[ "$(uname -m)" != x86_64 ] || test_packages+=(g++-aarch64-linux-gnu qemu-user)  # AArch64 kernels and receipts
full_test_packages=(libclang-rt-19-dev clang-tidy-19)                    # sanitizers and fuzzers under clang

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
  done
}

# Installs what is missing. Without root and sudo it lists that and stops.
need_packages() {
  command -v dpkg-query >/dev/null || die "this script installs Debian packages and found no dpkg; needed are: $*"
  if [ -r /etc/os-release ] && ! grep -Eq '^VERSION_ID="(12|24\.04)"' /etc/os-release; then
    printf 'note: made for Debian 12 and Ubuntu 24.04; this is another system\n' >&2
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -qq)
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
      install=(sudo "${install[@]}")
    else
      die "missing packages, and neither root nor sudo to install them: apt-get install --no-install-recommends ${missing[*]}"
    fi
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  "${install[@]}" update >&2 || die "apt-get update failed"
  "${install[@]}" install -y --no-install-recommends "${missing[@]}" >&2 || die "apt-get install failed"
}
