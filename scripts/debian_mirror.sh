#!/bin/sh
# Prints the address of the Debian archive this machine takes its packages from. apt itself reads
# the sources, so every form of them counts; it prints addresses and fetches nothing.
# QNPC_DEBIAN_MIRROR overrides.
set -eu

if [ -n "${QNPC_DEBIAN_MIRROR:-}" ]; then
    echo "$QNPC_DEBIAN_MIRROR"
    exit
fi

. /etc/os-release
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
# A line is: 'ADDRESS/dists/bookworm/InRelease' name size. The first source of the release itself
# (not its -updates or -security) is the archive.
mirror=$(apt-get -o Dir::State::lists="$lists" --print-uris update 2>/dev/null |
    sed -n "s#^'\(.*\)/dists/\(${VERSION_CODENAME:-stable}\|stable\)/InRelease'.*#\1#p" |
    grep -v '^cdrom:' | head -n 1)

# Debian's cloud images name a file that lists mirrors.
case "$mirror" in
mirror+file:*)
    mirror=$(grep -v '^[[:space:]]*#' "${mirror#mirror+file:}" | awk 'NF { print $1; exit }') ;;
esac

if [ -z "$mirror" ]; then
    echo "No Debian archive among this machine's apt sources." >&2
    echo "Name one: QNPC_DEBIAN_MIRROR=http://MIRROR/debian" >&2
    exit 1
fi
echo "${mirror%/}"
