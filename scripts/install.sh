#!/usr/bin/env bash
# Installs what is missing to build (`install.sh build`) and to test (`install.sh build test`). Debian or Ubuntu; with
# everything there it only looks, and ends at once.
set -euo pipefail
cd "$(dirname "$0")/.."

NEXTEST=0.9.143
SCHEMATHESIS=4.32.0
STANDARDWEBHOOKS=1.1.0
S3S=0.14.1
MOTO=5.2.5
VENV=$HOME/.cache/admin/venv
NODE=$HOME/.cache/admin/node

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null
}

# Rust comes from rustup, which asks questions that are not ours to answer.
check_rust() {
    have cargo || fail "Rust is missing. Install it from https://rustup.rs, open a new shell and try again."
    cargo --version >/dev/null || fail "Rust's version in rust-toolchain.toml is missing: run 'rustup toolchain install'."
}

check_rust_tools() {
    cargo fmt --version >/dev/null && cargo clippy --version >/dev/null ||
        fail "rustfmt or clippy is missing: run 'rustup component add rustfmt clippy'."
}

# apt starts the servers that it installs, unless a policy forbids it; the policy goes when this script ends.
forbid_services() {
    local policy=/usr/sbin/policy-rc.d
    [ -e $policy ] && return
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
    "${as_root[@]}" chmod 755 $policy
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
}

install_packages() {
    as_root=()
    have apt-get || fail "please install what Debian calls: $*"
    if [ "$(id -u)" != 0 ]; then
        have sudo || fail "not root, and there is no sudo; please install: $*"
        as_root=(sudo)
    fi
    echo "install.sh: installing $*"
    forbid_services
    "${as_root[@]}" apt-get update -qq </dev/null
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "$@" </dev/null >/dev/null
}

install_nextest() {
    echo "install.sh: installing cargo-nextest $NEXTEST, once, in some minutes"
    cargo install --quiet --locked "cargo-nextest@$NEXTEST" </dev/null
}

# Debian's own Python has venv without ensurepip until python3-venv is there.
have_venv() {
    have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null
}

have_schemathesis() {
    "$VENV/bin/schemathesis" --version 2>/dev/null | grep -q "$SCHEMATHESIS"
}

install_schemathesis() {
    echo "install.sh: installing schemathesis $SCHEMATHESIS into $VENV, once"
    python3 -m venv --clear "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$SCHEMATHESIS" </dev/null
}

# The library by which receivers verify webhooks, in the same place.
have_standardwebhooks() {
    [ -d "$VENV/lib" ] && [ -n "$(find "$VENV/lib" -maxdepth 3 -name "standardwebhooks-$STANDARDWEBHOOKS.dist-info")" ]
}

install_standardwebhooks() {
    echo "install.sh: installing standardwebhooks $STANDARDWEBHOOKS into $VENV, once"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check "standardwebhooks==$STANDARDWEBHOOKS" </dev/null
}

# A server of S3, of which object lock is all that it cannot do, and one for that.
have_s3s() {
    [ -x "$HOME/.cache/admin/s3s-fs-$S3S/bin/s3s-fs" ]
}

install_s3s() {
    echo "install.sh: installing s3s-fs $S3S, once, in some minutes"
    cargo install --quiet --locked --features binary --root "$HOME/.cache/admin/s3s-fs-$S3S" "s3s-fs@$S3S" </dev/null
}

have_moto() {
    [ -x "$HOME/.cache/admin/moto-$MOTO/bin/moto_server" ]
}

install_moto() {
    local venv=$HOME/.cache/admin/moto-$MOTO
    echo "install.sh: installing moto $MOTO into $venv, once"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "moto[s3]==$MOTO" flask==3.1.3 flask-cors==6.0.5 </dev/null || {
        rm -rf "$venv"
        fail "pip could not install moto"
    }
}

# The libraries that crates/testkit/node runs against Admin, as its lock file has them.
have_node_modules() {
    cmp -s crates/testkit/node/package-lock.json "$NODE/package-lock.json" && [ -d "$NODE/node_modules/standardwebhooks" ]
}

install_node_modules() {
    echo "install.sh: installing the Node libraries of the tests into $NODE, once"
    rm -rf "$NODE"
    mkdir -p "$NODE"
    cp crates/testkit/node/package.json crates/testkit/node/package-lock.json "$NODE"
    (cd "$NODE" && npm ci --silent --ignore-scripts --no-audit --no-fund </dev/null) || {
        rm -rf "$NODE"
        fail "npm could not install the libraries of crates/testkit/node"
    }
}

# Node 20 or newer, with npm.
have_node() {
    have npm && node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null
}

packages=()
for list in "$@"; do
    case $list in
    build)
        check_rust
        have gcc || packages+=(gcc libc6-dev)
        have make || packages+=(make)
        have git || packages+=(git)
        [ "$(uname)" != Linux ] || have mold || packages+=(mold)
        ;;
    test)
        check_rust_tools
        [ -x /usr/lib/postgresql/15/bin/postgres ] || have postgres || packages+=(postgresql-15)
        { have_schemathesis && have_moto; } || have_venv || packages+=(python3-venv)
        [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || packages+=(rabbitmq-server)
        have node || packages+=(nodejs npm)
        [ -x /usr/bin/chromium ] || packages+=(chromium)
        have faketime || packages+=(faketime)
        ;;
    *) fail "knows the lists 'build' and 'test', not '$list'" ;;
    esac
done

[ ${#packages[@]} = 0 ] || install_packages "${packages[@]}"

case " $* " in
*" test "*)
    cargo nextest --version >/dev/null 2>&1 || install_nextest
    have_schemathesis || install_schemathesis
    have_standardwebhooks || install_standardwebhooks
    have_s3s || install_s3s
    have_moto || install_moto
    have_node || fail "the tests need Node 20 or newer with npm; this is $(node --version 2>&1 || true)"
    have_node_modules || install_node_modules
    ;;
esac

echo "install.sh: nothing is missing for: $*"
