#!/usr/bin/env bash
# Loads the atlas into a running server: the one that ADMIN_URL and ADMIN_TOKEN name, or the one on ./admin-data; if none
# runs there, starts one for the time of the load.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
admin=${ADMIN_BINARY:-admin}
data=${ADMIN_DATA_DIR:-./admin-data}
if [ -z "${ADMIN_URL:-}" ] && [ ! -s "$data/admin.addr" ]; then
    echo "No server runs on $data: starting one for the load."
    "$admin" serve --log-level warn >/dev/null &
    server=$!
    trap 'kill "$server"; wait "$server" || true' EXIT
    for _ in $(seq 100); do
        [ -s "$data/admin.addr" ] && break
        sleep 0.1
    done
fi
for name in types languages currencies countries subdivisions airports; do
    "$admin" import "$here/$name.ndjson"
done
echo "Loaded. Try: $admin export --type airport --filter 'attributes.elevation_ft > 14000'"
