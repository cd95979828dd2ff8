#!/usr/bin/env bash
# Install sfn-local as it is in the commit that the action was taken from, once per job.
set -euo pipefail
home="$RUNNER_TEMP/sfn-local"
[ -x "$home/bin/sfn-local" ] && exit
python3 -m venv "$home"
"$home/bin/python" -m pip install --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH/../../../engine[aws]"
