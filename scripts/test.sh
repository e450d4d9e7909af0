#!/usr/bin/env bash
# Every test, in two processes side by side: those of one process, and those that start others and mostly wait.
#
#   test.sh PYTHON [PYTEST ARGUMENTS]   with arguments, one process as they say
set -euo pipefail

python=$1
shift
[ $# -eq 0 ] || exec "$python" -m pytest "$@"

# What is not named here, new folders too, is run beside these.
calm=(core decode features golden latent packaging scenes state synth training)
without=()
for name in "${calm[@]}"; do without+=("--ignore=tests/$name"); done

said=$(mktemp)
"$python" -m pytest -p no:cacheprovider "${calm[@]/#/tests/}" >"$said" 2>&1 &
beside=$!
finish() {
  kill "$beside" 2>/dev/null || true
  cat "$said"
  rm -f "$said"
}
trap finish EXIT
trap 'exit 130' INT TERM

status=0
"$python" -m pytest "${without[@]}" || status=$?
wait "$beside" || status=$?
exit "$status"
