#!/usr/bin/env bash
# Install sfn-local as it is in the commit that the action was taken from, once per job.
set -euo pipefail
home="$RUNNER_TEMP/sfn-local"
[ -x "$home/bin/sfn-local" ] && exit
python3 -m venv "$home"
root="$GITHUB_ACTION_PATH/../../.."
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$home/bin/python" -m pip install --quiet --no-deps --require-hashes -r "$root/requirements/engine.lock"
"$home/bin/python" -m pip install --quiet --no-deps --no-build-isolation "$root/engine"
