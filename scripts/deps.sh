#!/bin/sh
# Gets everything that building and testing need, and says what it does. Running it again does
# nothing. Three steps: Debian packages (the only one that needs root), a newer libsodium in .deps/,
# and the npm packages of the interoperability tests.
set -eu
cd "$(dirname "$0")/.."

sodium_minimum=1.0.22  # ML-KEM and X-Wing; cmake/Dependencies.cmake asks for the same
sodium_release=forky   # the Debian release that has it

say() { echo "deps: $*"; }
die() {
    echo "deps: $*" >&2
    exit 1
}

# A mirror may hiccup: try a command three times.
retry() {
    "$@" && return
    for pause in 2 10; do
        say "failed, trying again in $pause s: $*"
        sleep "$pause"
        "$@" && return
    done
    return 1
}

build_packages="g++ cmake ninja-build pkg-config capnproto libcapnp-dev libssl-dev libsqlite3-dev
    libcli11-dev libspdlog-dev nlohmann-json3-dev libqrencode-dev"
test_packages="libgtest-dev librapidcheck-dev libbenchmark-dev clang clang-format
    libclang-rt-dev libfaketime openssl python3 sqlite3"

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        say "apt needs root: sudo $*"
        sudo "$@"
    fi
}

apt_packages() {
    missing=
    for package in $build_packages $test_packages; do
        installed "$package" || missing="$missing $package"
    done
    # node may come from elsewhere than Debian
    command -v node >/dev/null || missing="$missing nodejs"
    command -v npm >/dev/null || missing="$missing npm"
    if [ -z "$missing" ]; then
        say "Debian packages: all there"
        return
    fi
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "apt needs root and there is no sudo. As root, run: apt-get install$missing"
    say "Debian packages: installing$missing"
    retry as_root apt-get update -q || die "apt-get update failed: check the network and /etc/apt"
    # shellcheck disable=SC2086  # a list of words
    retry as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends $missing </dev/null ||
        die "apt could not install:$missing"
}

# Everything apt does here stays below .deps/: the system's sources, lists, cache and preferences
# are neither read nor changed. Signatures are checked against the machine's own archive keyring.
fetch_sodium() {
    work=$PWD/.deps/apt
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || die "no $keyring: install the package debian-archive-keyring"
    mirror=$(scripts/debian_mirror.sh)
    say "libsodium: fetching libsodium-dev of Debian $sodium_release from $mirror"

    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/package"
    # target=Packages: the one index that is needed, without translations and the like
    echo "deb [signed-by=$keyring target=Packages] $mirror $sodium_release main" >"$work/sources"
    : >"$work/status"
    cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Acquire::Retries "3";
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
    remedy="check the network, or name another mirror: QNPC_DEBIAN_MIRROR=http://MIRROR/debian"
    retry apt-get -c "$work/apt.conf" -q --error-on=any update ||
        die "the package index of $sodium_release cannot be had from $mirror: $remedy"
    (cd "$work/package" && retry apt-get -c "$work/apt.conf" -q download libsodium-dev) ||
        die "libsodium-dev of $sodium_release cannot be had from $mirror: $remedy"

    # We link the static library, so the package with the shared one stays away. The folder takes
    # its place in one step: an interrupted run leaves nothing half unpacked.
    dpkg-deb -x "$work"/package/libsodium-dev_*.deb "$work/root"
    rm -rf .deps/usr
    mv "$work/root/usr" .deps/usr
    rm -rf "$work"
}

sodium_version() {
    sed -n 's/^Version: *//p' .deps/usr/lib/*/pkgconfig/libsodium.pc 2>/dev/null ||
        pkg-config --modversion libsodium 2>/dev/null ||
        echo 0
}

sodium() {
    if ! dpkg --compare-versions "$(sodium_version)" ge "$sodium_minimum"; then
        fetch_sodium
    fi
    version=$(sodium_version)
    dpkg --compare-versions "$version" ge "$sodium_minimum" ||
        die "libsodium $sodium_minimum or newer is needed; Debian $sodium_release gave $version"
    say "libsodium: $version"
}

# npm keeps a copy of the lock file beside what it installed.
npm_packages() {
    for lock in tests/interop/*/package-lock.json; do
        [ -e "$lock" ] || continue
        folder=${lock%/*}
        if [ "$folder/node_modules/.package-lock.json" -nt "$lock" ]; then
            say "npm packages of $folder: all there"
            continue
        fi
        say "npm packages of $folder: installing"
        retry npm ci --prefix "$folder" --no-audit --no-fund --ignore-scripts ||
            die "npm ci failed in $folder: check the network and npm's registry setting"
    done
}

command -v dpkg-query >/dev/null ||
    die "this is not Debian: install what this script lists by hand, then cmake --preset release"
apt_packages
sodium
npm_packages
say "all there"
