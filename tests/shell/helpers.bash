# A private library with our hooks in it, and programs that stand in for real ones.
# shellcheck shell=bash

source_tree=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)

prepare() {
	library=$BATS_TEST_TMPDIR/library
	bin=$BATS_TEST_TMPDIR/bin
	mkdir -p "$bin" "$BATS_TEST_TMPDIR/home"
	cp -r "$BATS_TEST_DIRNAME/library" "$library"
	cp -r "$source_tree/libmakepkg/." "$library"
	export LIBRARY=$library HOME=$BATS_TEST_TMPDIR/home LC_ALL=C
	export PATH=$bin:/usr/bin:/bin
	unset MAKEPKG_LIBRARY MAKEPKG_CONF CC CCACHE_PREFIX "${!DISTCC_@}"
	cd "$BATS_TEST_TMPDIR" || exit
}

# Makes a program of what stdin says, for bash.
program() {
	{
		echo '#!/bin/bash'
		cat
	} >"$bin/$1"
	chmod +x "$bin/$1"
}

# A distcc-setup that notes how it was called, and then does what stdin says.
distcc_setup() {
	{
		# shellcheck disable=SC2016 # for the program to expand
		echo 'echo "$*" >>"${0%/*}/../calls"'
		cat
	} | program distcc-setup
}

# How distcc-setup was called, a call a line.
calls() {
	cat "$BATS_TEST_TMPDIR/calls" 2>/dev/null
}

# Fails unless the command that `run` ran ended with $1 and printed what stdin says.
expect() {
	local wanted
	wanted=$(cat)
	# shellcheck disable=SC2154 # set by run
	if [[ $status != "$1" || $output != "$wanted" ]]; then
		printf 'status %s, wanted %s\n--- wanted\n%s\n--- got\n%s\n' \
			"$status" "$1" "$wanted" "$output"
		return 1
	fi
}
