#!/usr/bin/env bats
# distcc_hook_environment: what makepkg does not export, and DISTCC_DIR.

load helpers

setup() {
	prepare
	source "$library/distcc/environment.sh"
}

# Prints the exported DISTCC_*, as a build would see them.
exported() {
	distcc_hook_environment
	env | grep '^DISTCC_' | sort
}

@test "every DISTCC_ variable of the configuration is exported" {
	DISTCC_VERBOSE=1 DISTCC_HOSTS='a/4 b,lzo' DISTCC_LOG="/tmp/a 'b'"
	run exported
	expect 0 <<-'END'
		DISTCC_HOSTS=a/4 b,lzo
		DISTCC_LOG=/tmp/a 'b'
		DISTCC_VERBOSE=1
	END
}

@test "without any, nothing is printed or made" {
	run distcc_hook_environment
	expect 0 </dev/null
}

@test "hosts that are not set stay unset, also where makepkg has exported the name" {
	export DISTCC_HOSTS
	run exported
	expect 0 </dev/null
}

@test "DISTCC_DIR is made, with its parents, whatever its name" {
	DISTCC_DIR="$BATS_TEST_TMPDIR/-a dir/*/b"
	run exported
	expect 0 <<<"DISTCC_DIR=$BATS_TEST_TMPDIR/-a dir/*/b"
	[ -d "$DISTCC_DIR" ]
}

@test "one that cannot be made is a warning" {
	touch file
	DISTCC_DIR=$BATS_TEST_TMPDIR/file/distcc
	run distcc_hook_environment
	expect 0 <<<"==> WARNING: DISTCC_DIR cannot be made: $DISTCC_DIR"
}

@test "one that cannot be written is a warning" {
	DISTCC_DIR=/proc/self
	[[ ! -w $DISTCC_DIR ]] || skip "root may write anywhere"
	run distcc_hook_environment
	expect 0 <<<'==> WARNING: DISTCC_DIR cannot be written: /proc/self'
}

@test "HOME need not be set" {
	unset HOME
	run distcc_hook_environment
	expect 0 </dev/null
}
