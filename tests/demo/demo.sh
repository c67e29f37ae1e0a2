#!/bin/sh
# demo: three people hold an encrypted group conversation through a real server, which is killed in
# the middle of it. Every step is checked; the script fails where anything is not as it should be.
#
# usage: tests/demo/demo.sh        BIN names the folder of the two programs (build/release/bin)
set -eu
export LC_ALL=C.UTF-8
unset QUICNPROTOCHAT_SERVER QUICNPROTOCHAT_DS_SERVER QUICNPROTOCHAT_STATE \
    QUICNPROTOCHAT_PASSPHRASE_FILE

BIN=${BIN:-$(dirname "$0")/../../build/release/bin}
BIN=$(cd "$BIN" && pwd)
home=$(mktemp -d "${TMPDIR:-/tmp}/quicnprotochat-demo.XXXXXX")
server=

finish() {
    status=$?
    trap - EXIT
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        printf '\nThe demo FAILED. The server said:\n'
        cat "$home/server.log" 2>/dev/null || true
    fi
    rm -rf "$home"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

# --- How the demo speaks and checks ---

bold=
plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m')
    plain=$(printf '\033[0m')
fi

title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
say() { printf '  %s\n' "$1"; }
fail() {
    printf '\nNOT AS IT SHOULD BE: %s\n' "$1"
    exit 1
}

# equal WHAT EXPECTED FOUND
equal() { [ "$2" = "$3" ] || fail "$1: expected \"$2\", found \"$3\""; }

# as PERSON ARGUMENT...: runs the client of that person, with the state that only they have.
as() {
    person=$1
    shift
    "$BIN/quicnprotochat-client" --state "$home/$person/state.db" \
        --server "$address" "$@"
}

# show PERSON ARGUMENT...: the same, with the command and its output on the screen.
show() {
    printf '%s> %s\n' "$1" "$(words "$@" | names)"
    as "$@" > "$home/output" || fail "the command ended with exit code $?"
    names < "$home/output" | cut -c 1-110 | sed 's/^/    /'
}

# words PERSON ARGUMENT...: the arguments as one would type them.
words() {
    shift
    for word in "$@"; do
        case $word in
            *' '*) printf "'%s' " "$word" ;;
            *) printf '%s ' "$word" ;;
        esac
    done
}

# Identity keys are long: people read names.
names() {
    sed -e "s/${alice:-none}/alice/g; s/${bob:-none}/bob/g; s/${carol:-none}/carol/g" \
        -e "s/$(short "${alice:-none}")/alice/g; s/$(short "${bob:-none}")/bob/g" \
        -e "s/$(short "${carol:-none}")/carol/g"
}
short() { printf '%.8s' "$1"; }

# field NAME: the string of that name in each JSON object of the input, one a line.
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }

# history PERSON: one line for each message they hold: who, and what, or its size and digest.
history() {
    as "$1" --json recv --all > "$home/history.json"
    python3 - "$home/history.json" <<'END' | names
import hashlib, json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    entry = json.loads(line)
    if "unreadable" in entry:
        print("UNREADABLE", entry["unreadable"])
    elif "text" in entry:
        text = entry["text"]
        if len(text) > 200:
            data = text.encode()
            text = f"({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})"
        print(f"{entry['sender']}: {text}")
END
}

# start_server: on the ports it had before, or any that are free. Leaves its addresses behind.
start_server() {
    : > "$home/server.out"  # so that no "ready" of a server before is read
    "$BIN/quicnprotochat-server" --data-dir "$home/server" --log-level warn \
        --listen "${authentication:-127.0.0.1:0}" --ds-listen "${delivery:-127.0.0.1:0}" \
        > "$home/server.out" 2>> "$home/server.log" &
    server=$!
    tries=0
    until grep -q '^ready' "$home/server.out"; do
        kill -0 "$server" 2>/dev/null || fail "the server did not start"
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || fail "the server was not ready within 10 seconds"
        sleep 0.1
    done
    authentication=$(sed -n 's/^authentication service: //p' "$home/server.out")
    delivery=$(sed -n 's/^delivery service: //p' "$home/server.out")
    address=$(sed -n 's/^address: //p' "$home/server.out")
}

# --- The story ---

title "1. A server, which will never be able to read anything"
start_server
say "authentication service at $authentication, delivery service at $delivery"
say "its address carries its key: $address"

title "2. Alice, Bob and Carol each make an identity and leave a KeyPackage"
alice=$(as alice --json register | field identity_key)
bob=$(as bob --json register | field identity_key)
carol=$(as carol --json register | field identity_key)
for person in alice bob carol; do
    key=$(as "$person" whoami)
    equal "the length of an identity key" 64 "${#key}"
    say "$person is $key"
done

title "3. Alice starts a group and invites Bob"
show alice create-group --group-id mountaineers
show alice invite --peer-key "$bob"
show bob join

title "4. They talk: from arguments, and from a pipe"
show alice send --msg 'Hello Bob, can you read this?'
printf 'Yes. Grüße, 你好, Καλημέρα 👋\nThis is my second line.\n' | show bob send
show bob recv
show alice recv

title "5. A file of 1 MiB goes through the same pipe"
head -c 786432 /dev/urandom | base64 -w 0 > "$home/file"
equal "the file's size" 1048576 "$(wc -c < "$home/file" | tr -d ' ')"
digest=$(sha256sum "$home/file" | cut -d ' ' -f 1)
say "base64 of 768 KiB of noise: SHA-256 $digest"
show alice send < "$home/file"

title "6. The server is killed (SIGKILL) while it holds that file and one more message"
show alice send --msg 'Is the server still there?'
kill -9 "$server"
wait "$server" 2>/dev/null || true
server=
say "it is dead; whoever asks is told so:"
if as bob recv 2> "$home/error"; then fail "recv succeeded without a server"; fi
sed 's/^/    /' "$home/error"

title "7. It is started again, and has lost nothing"
old_address=$address
start_server
equal "the server's address, and so its key" "$old_address" "$address"
show bob recv

title "8. Carol is invited, and cannot read what came before"
show alice invite --peer-key "$carol"
show carol join
show carol send --msg 'Hi both! What did I miss?'
show bob send --msg 'Everything, and it stays that way.'
for person in alice bob carol; do show "$person" recv; done

title "9. What the server's disk holds of it"
for text in 'can you read this' 'second line' 'did I miss' mountaineers \
    "$(head -c 40 "$home/file")"; do
    if grep -rqF "$text" "$home/server"; then fail "the server holds the plaintext \"$text\""; fi
done
say "none of the five texts and names that were looked for"

title "10. What each of them holds"
early="alice: Hello Bob, can you read this?
bob: Yes. Grüße, 你好, Καλημέρα 👋
This is my second line.

alice: (1048576 bytes, SHA-256 $digest)
alice: Is the server still there?
"
late="carol: Hi both! What did I miss?
bob: Everything, and it stays that way."
for person in alice bob carol; do
    say "$person:"
    history "$person" > "$home/$person.history"
    sed 's/^/    /' "$home/$person.history"
done
equal "Alice's history" "$early$late" "$(cat "$home/alice.history")"
equal "Bob's history" "$early$late" "$(cat "$home/bob.history")"
equal "Carol's history" "$late" "$(cat "$home/carol.history")"

for person in alice bob carol; do
    as "$person" --json groups | field epoch_authenticator
done | sort -u > "$home/authenticators"
equal "the number of opinions about the group's state" 1 \
    "$(wc -l < "$home/authenticators" | tr -d ' ')"

title "All three agree: nothing was lost, nothing came twice, and what was said before Carol came
is not hers to read."
