#!/usr/bin/env bash
# Holds what is listed against what may be read, with one seed after another, for FUZZ_SECONDS (60). Stops at the first
# difference, which is printed with its seed and as few policies as show it.
set -euo pipefail
cd "$(dirname "$0")/.."

LAW=tests::laws::a_list_shows_what_a_check_allows
STORY=agreement::what_is_listed_is_what_may_be_read::sqlite

while [ "$SECONDS" -lt "${FUZZ_SECONDS:-60}" ]; do
    ADMIN_TEST_SEED=$(od -An -N8 -tu8 /dev/urandom | tr -d ' ')
    export ADMIN_TEST_SEED
    echo "ADMIN_TEST_SEED=$ADMIN_TEST_SEED"
    cargo nextest run --locked --workspace --no-tests=fail -E "test(=$LAW) + test(=$STORY)"
done
