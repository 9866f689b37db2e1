#!/bin/sh
# tests/client_example.cpp is the example of runtime/session.h, line for line, and includes nothing else of the project.
#   client_example_test.sh SOURCE_DIR
set -eu
cd "$1"
sed -n 's|^//   ||p' runtime/session.h | while IFS= read -r line; do
  grep -qF -- "$line" tests/client_example.cpp || { echo "not in tests/client_example.cpp: $line"; exit 1; }
done
[ "$(sed -n 's|^//   ||p' runtime/session.h | wc -l)" -ge 9 ] || { echo "runtime/session.h has no example"; exit 1; }
found=$(sed -n 's/^#include "\(.*\)"/\1/p' tests/client_example.cpp | tr '\n' ' ')
[ "$found" = "runtime/generation.h runtime/session.h " ] || { echo "the example includes $found"; exit 1; }
