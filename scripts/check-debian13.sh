#!/bin/sh
# Builds and tests the last commit on Debian 13, in a folder made by debootstrap. The folder stays,
# so that the next run is quick. Needs root, debootstrap, and the machine's own mirror.
set -eu
cd "$(dirname "$0")/.."

root=${QNPC_DEBIAN13_ROOT:-$PWD/build/debian13}
source=$root/src/quicnprotochat

die() {
    echo "check-debian13: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || die "making a Debian folder needs root: sudo make check-debian13"
command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap"

if [ ! -e "$root/complete" ]; then
    mirror=$(scripts/debian_mirror.sh)
    echo "check-debian13: Debian 13 from $mirror into $root"
    rm -rf "$root"
    debootstrap --variant=minbase --include=make,ca-certificates trixie "$root" "$mirror" ||
        die "debootstrap failed, its log is $root/debootstrap/debootstrap.log"
    touch "$root/complete"
fi

# Sources are replaced; what was built and fetched stays.
mkdir -p "$source"
find "$source" -mindepth 1 -maxdepth 1 ! -name build ! -name .deps -exec rm -rf {} +
git archive HEAD | tar -x -C "$source"
vectors=${QNPC_VECTORS:-../shared/vectors}
if [ -d "$vectors" ]; then
    rm -rf "$root/src/shared"
    mkdir -p "$root/src/shared"
    cp -r "$vectors" "$root/src/shared/vectors"
fi
# The network is this machine's, so how apt and npm reach it is as well.
cp /etc/resolv.conf "$root/etc/resolv.conf"
apt-config dump --format '%F "%v";%n' | grep -E '^Acquire::(https?|Check-[A-Za-z-]+)(::| )' \
    >"$root/etc/apt/apt.conf.d/90machine" || true
certificates=${NODE_EXTRA_CA_CERTS:-}
if [ -f "$certificates" ]; then
    mkdir -p "$root$(dirname "$certificates")"
    cp -L "$certificates" "$root$certificates"
fi
command -v npm >/dev/null && npm_config_registry=$(npm config get registry) &&
    export npm_config_registry

# In a mount namespace of its own: nothing stays mounted, however this ends.
exec unshare --mount sh -eu -c '
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/dev/shm"
    exec env -u QNPC_VECTORS HOME=/root chroot "$1" \
        make -C /src/quicnprotochat test JOBS="$2"
' sh "$root" "${JOBS:-$(nproc)}"
