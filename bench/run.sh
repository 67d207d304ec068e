#!/usr/bin/env bash
# Builds Admin and the bare program, and prints how they compare: about five minutes after the build.
# Arguments go to `compare`: see bench/README.md, or `bench/run.sh --help`. `bench/run.sh webhooks`, `events` or `audit`
# measures those instead.
set -euo pipefail
cd "$(dirname "$0")/.."

# The longest that a comparison may take, in seconds; with many rows it takes longer than with few.
limit=${BENCH_SECONDS:-900}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$HOME/.cache/admin/target}

cargo build --locked --release --package admin --package bench

case "${1:-}" in
webhooks | audit)
    program=$1
    shift
    exec timeout "$limit" "$CARGO_TARGET_DIR/release/$program" "$@"
    ;;
esac

folder=$(mktemp -d "${TMPDIR:-/tmp}/admin-bench-XXXXXX")
compare=
# Subjects die with `compare`, by the kernel's hand.
finish() {
    [ -z "$compare" ] || kill "$compare" 2>/dev/null || true
    wait || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

program=(compare --folder "$folder")
if [ "${1:-}" = events ]; then
    program=(events)
    shift
fi
TMPDIR=$folder timeout "$limit" "$CARGO_TARGET_DIR/release/${program[0]}" "${program[@]:1}" "$@" &
compare=$!
status=0
wait "$compare" || status=$?
compare=
[ $status != 124 ] || echo "run.sh: not done within $limit seconds; set BENCH_SECONDS for more" >&2
exit $status
