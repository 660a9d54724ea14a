#!/usr/bin/env bash
# Runs every fuzz test, those of nested modules too, for a while each: hack/fuzz.sh [10s].
# What a run finds stays in the package's testdata/fuzz: keep it with the fix.
#
# The time is ended by an interrupt, as people do with ^C, and not by
# -fuzztime: at that deadline Go's coordinator may take the end of the time for
# a failure ("context deadline exceeded", with no input found) when the machine
# is busy. An interrupt has no such race. One build a package is enough, too.
set -euo pipefail
cd "$(dirname "$0")/.."
fuzztime=${1:-10s}

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
cache=$(go env GOCACHE)/fuzz

# fuzz PACKAGE FUNC: both outputs of the test binary, which must end in PASS.
fuzz() {
	local dir=$1 func=$2 binary=$bin/${1//\//_}.test
	echo "== $dir $func"
	if [ ! -e "$binary" ]; then
		(cd "$dir" && go test -c -fuzz=. -o "$binary" .)
	fi
	(
		cd "$dir"
		timeout --foreground --preserve-status -s INT -k 2m "$fuzztime" \
			"$binary" -test.run='^$' -test.fuzz="^$func\$" -test.fuzzminimizetime=10x \
			-test.fuzzcachedir="$cache/$(go list .)" -test.paniconexit0
	)
}

found=0
while IFS=: read -r file func; do
	found=$((found + 1))
	fuzz "$(dirname "$file")" "$func"
done < <(
	git ls-files --cached --others --exclude-standard '*_test.go' |
		xargs -r grep -HoE '^func Fuzz\w+' | sed 's/:func /:/' | sort
)

if [ "$found" -eq 0 ]; then
	echo "no fuzz tests found" >&2
	exit 1
fi
