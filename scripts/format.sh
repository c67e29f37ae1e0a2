#!/bin/sh
# clang-format over all C++ of the repository, with the arguments given: -i, or --dry-run --Werror.
# Releases of clang-format disagree, so only Debian 12's decides.
set -eu
cd "$(dirname "$0")/.."

for program in clang-format-14 clang-format; do
    if "$program" --version 2>/dev/null | grep -q 'version 14\.'; then
        find core schemas server client tools tests bench fuzz examples \
            -name node_modules -prune -o \( -name '*.h' -o -name '*.cc' \) -print0 |
            xargs -0 -r "$program" "$@"
        exit
    fi
done
echo "format: SKIPPED, there is no clang-format 14 here" >&2
