#!/usr/bin/env bash
# Runs a command beside busy loops of the same priority, some on each core:
#
#   hack/busy.sh LOOPS-PER-CORE COMMAND...
set -euo pipefail

loops=$(($1 * $(nproc)))
shift
burn() { # until the script ends, however it ends
	while kill -0 $$; do
		for ((n = 0; n < 100000; n++)); do :; done
	done 2>/dev/null
}
for ((i = 0; i < loops; i++)); do
	burn &
done
trap 'kill $(jobs -p)' EXIT
"$@"
