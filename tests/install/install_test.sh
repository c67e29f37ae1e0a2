#!/bin/sh
# install_test: what `make install` installs is enough to run and to build on. Installs into a
# folder, checks the unit for systemd, moves all to another place, and builds and runs examples/mls
# against it, with nothing of the source tree.
# usage: install_test.sh BUILD-FOLDER SOURCE-FOLDER
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cmake --install "$1" --prefix "$folder/prefix" >"$folder/install.log"
unit=$folder/prefix/lib/systemd/system/quicnprotochat-server.service
grep -qxF "ExecStart=$folder/prefix/bin/quicnprotochat-server" "$unit"
if command -v systemd-analyze >/dev/null; then
    # 2.0 of 10 is "OK"; what is left is that it has a network.
    systemd-analyze verify --man=no "$unit"
    systemd-analyze security --offline=true --no-pager --threshold=20 "$unit" \
        >"$folder/security.log" || { cat "$folder/security.log" >&2; exit 1; }
fi
mv "$folder/prefix" "$folder/moved"
cp -r "$2/examples/mls" "$folder/example"
if grep -rlF "$2" "$folder/moved/lib" --include=*.cmake; then
    echo "the installed package names the source tree" >&2
    exit 1
fi
cmake -S "$folder/example" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/moved"
cmake --build "$folder/build"
said=$("$folder/build/two_members")
echo "$said"
[ "$said" = "Alice: Hello Bob
both agree on epoch 1: true" ]
