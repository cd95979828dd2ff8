#!/usr/bin/env bash
# Lint what $FILES names. The findings are shown; with $SARIF they are in that file, too.
set -euo pipefail
shopt -s globstar nullglob
# shellcheck disable=SC2206 # patterns are meant to be expanded
files=($FILES)
if [ ${#files[@]} = 0 ]; then
    echo "no file matches: $FILES" >&2
    exit 2
fi
lint=("$RUNNER_TEMP/sfn-local/bin/sfn-local" lint "${files[@]}" ${TEMPLATE:+--template "$TEMPLATE"})
[ -z "${SARIF:-}" ] || "${lint[@]}" --format sarif >"$SARIF" || true
"${lint[@]}"
