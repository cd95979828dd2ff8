#!/usr/bin/env bash
# Start the engine behind this step, wait until it answers, and tell the steps that follow where it is.
set -euo pipefail
sfn_local="$RUNNER_TEMP/sfn-local/bin/sfn-local"
log="$RUNNER_TEMP/sfn-local.log"
nohup "$sfn_local" serve --port "$PORT" --wait-time-scale "$SCALE" ${MOCK_CONFIG:+--mock-config "$MOCK_CONFIG"} >"$log" 2>&1 &
for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
        {
            echo "AWS_ENDPOINT_URL_SFN=http://127.0.0.1:$PORT"
            # A job that signs in to AWS keeps its own: the engine takes any.
            [ -n "${AWS_ACCESS_KEY_ID:-}" ] || printf '%s\n' AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
            [ -n "${AWS_REGION:-}" ] || echo "AWS_REGION=us-east-1"
        } >>"$GITHUB_ENV"
        exit
    fi
    kill -0 $! 2>/dev/null || break
    sleep 0.1
done
cat "$log" >&2
exit 1
