#!/bin/sh
# The server cannot read a conversation because the code for it is not in the program: no symbol of
# core/mls or core/group. The client, which has them, shows that we would have found them.
# usage: server_cannot_decrypt.sh SERVER CLIENT
set -eu

decrypting_symbols() {
    nm --demangle "$1" | grep -E '[ :]qnpc::(mls|group)::'
}

if [ -z "$(decrypting_symbols "$2")" ]; then
    echo "No symbol of mls or group in $2: this test can not tell." >&2
    exit 1
fi
if [ -n "$(decrypting_symbols "$1")" ]; then
    echo "The server $1 must not be able to decrypt, but it holds:" >&2
    decrypting_symbols "$1" | head -n 5 >&2
    exit 1
fi
