#!/bin/sh
# The smallest agent that does something: it says where it is and what it made, a line of JSON each, and waits for the host to
# agree. Whatever it is refused ends it.
say() { printf '%s\n' "$1"; }
wait_for() {
    while IFS= read -r line; do
        case "$line" in
        *"$1"*) return 0 ;;
        *'"refused"'*) echo "$line" >&2; exit 1 ;;
        esac
    done
    exit 1
}
enter() { say "{\"phase\":\"$1\"}"; wait_for "\"accepted\":\"$1\""; }

wait_for '"started"'
enter BOOTSTRAP
enter PREFLIGHT
enter PLAN
say '{"plan":{"writes":["flows/summary.aether"]},"confidence":0.9}'
wait_for '"accepted_plan"'

enter EXECUTE
sed 's/nightly/summary/g' flows/nightly.aether > flows/summary.aether
say '{"output":"beta","content":{"covered":4312,"total":4801}}'
wait_for '"checkpoint"'

enter VERIFY
say '{"output":"gamma","content":{"flows":1,"paths":["flows/summary.aether"]}}'
wait_for '"checkpoint"'
enter PACKAGE
enter REPORT
say '{"done":true}'
