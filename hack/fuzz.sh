#!/usr/bin/env bash
# Runs every fuzz test of the module for a while each: hack/fuzz.sh [10s].
# What a run finds stays in the package's testdata/fuzz: keep it with the fix.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-10s}

found=0
while IFS=: read -r file func; do
	found=$((found + 1))
	echo "== $(dirname "$file") $func"
	go test -run='^$' -fuzz="^$func\$" -fuzztime="$fuzztime" -fuzzminimizetime=10x "./$(dirname "$file")"
done < <(
	git ls-files --cached --others --exclude-standard '*_test.go' |
		xargs -r grep -HoE '^func Fuzz\w+' | sed 's/:func /:/' | sort
)

if [ "$found" -eq 0 ]; then
	echo "no fuzz tests found" >&2
	exit 1
fi
