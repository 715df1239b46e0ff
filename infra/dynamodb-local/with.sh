#!/usr/bin/env bash
# Runs a command with DynamoDB Local, at the address in OWSC_TEST_ENDPOINT: with.sh FOLDER-OF-JARS COMMAND...
set -euo pipefail

jars=$1
shift
port=${DYNAMODB_LOCAL_PORT:-8391}
log=$(mktemp)
java -Dsqlite4java.library.path="$jars" -cp "$jars/*" com.amazonaws.services.dynamodbv2.local.main.ServerRunner \
    -sharedDb -inMemory -port "$port" -disableTelemetry >"$log" 2>&1 &
server=$!
# Wait for the end; otherwise the next command might find this one's port.
trap 'kill $server 2>/dev/null && wait $server || true; rm -f "$log"' EXIT

until (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 $server 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.2
done
OWSC_TEST_ENDPOINT="http://127.0.0.1:$port" "$@"
