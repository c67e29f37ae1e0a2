#!/usr/bin/env bash
# Runs every fuzzer for some seconds, two at a time, from the seed corpus that the project makes.
# Exits 1 if any fails, after printing its report and how to run that input again.
# usage: fuzz.sh BUILD_FOLDER SECONDS
set -euo pipefail
build=$(realpath "$1")
seconds=$2
mkdir -p "$build/corpus" "$build/found"
"$build/bin/make_corpus" "$build/corpus"

# The bounds that no input may pass. Inputs: 64 KiB, which holds any of the seeds ten times over.
# Memory: tests/mls/memory_test.cc allows 200 MiB for a message of 1 MiB; the sanitizer's shadow and
# its quarantine of freed memory (256 MiB) come on top. One allocation: no decoder allocates more
# than a few times what it was given bytes for; chains of certificates and Noise channels hold
# 128 KiB at most (core/base/limits.h, docs/noise.md). Time: honest inputs take milliseconds even
# with sanitizers; ten seconds are an endless loop on any machine.
bounds="-max_len=65536 -rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=10 -detect_leaks=1"

# A long key's pointer stands where a short key's bytes would (SmallVector), aligned to nothing.
export LSAN_OPTIONS=use_unaligned=1

fuzz_one() {
    local program=$1 name log
    name=$(basename "$program")
    log=$build/found/$name.log
    mkdir -p "$build/corpus/${name#fuzz_}"
    # shellcheck disable=SC2086
    if "$program" $bounds -max_total_time="$seconds" -print_final_stats=1 \
            -artifact_prefix="$build/found/$name-" "$build/corpus/${name#fuzz_}" >"$log" 2>&1; then
        awk -v name="$name" '/number_of_executed_units|peak_rss_mb|slowest_unit_time_sec/ \
            {line = line " " $1 " " $2} END {gsub("stat::", "", line); print name ":" line}' "$log"
    else
        echo "$name FAILED:"
        tail -n 60 "$log"
        for input in "$build/found/$name-"*; do
            [ -f "$input" ] || continue
            echo "the input, in base64: $(base64 -w 0 "$input")"
            echo "to run it again: base64 -d >INPUT, and"
            echo "    cmake --preset fuzz && cmake --build --preset fuzz --target $name"
            echo "    build/fuzz/bin/$name $bounds INPUT"
        done
        return 1
    fi
}
export -f fuzz_one
export build seconds bounds

find "$build/found" -type f -delete
printf '%s\n' "$build"/bin/fuzz_* | xargs -P 2 -I{} bash -c 'fuzz_one {}'
