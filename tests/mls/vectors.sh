#!/bin/sh
# Runs qnpc-mls-vectors on one official file; exit 77, which ctest shows as skipped, where the file
# is absent. usage: vectors.sh RUNNER DEFAULT_FOLDER NAME (QNPC_VECTORS names another folder)
set -eu

file="${QNPC_VECTORS:-$2}/mls/$3"
if [ ! -f "$file" ]; then
  echo "SKIPPED: no vectors at $file (QNPC_VECTORS names another folder)"
  exit 77
fi
exec "$1" "$file"
