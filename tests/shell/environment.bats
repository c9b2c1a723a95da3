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

# Prints DISTCC_BUILD for a root directory with a mountinfo that says what stdin does.
build_of() {
	cat >mounts
	distcc_hook_build hello "$BATS_TEST_TMPDIR/root" mounts
	echo "$DISTCC_BUILD"
}

@test "a build is called as the package, and as the build root that it is in" {
	mkdir root
	run build_of <<<'21 1 8:1 /var/lib/archbuild/extra-x86_64/me / rw - ext4 /dev/sda1 rw'
	expect 0 <<<hello
	touch root/.arch-chroot
	run build_of <<-'END'
		20 1 8:1 / / rw - rootfs none rw
		21 1 8:1 /@/var/lib/archbuild/extra-x86_64/me / rw - btrfs /dev/sda1 rw
		22 21 0:30 /a/b /tmp rw - tmpfs tmpfs rw
	END
	expect 0 <<<'hello:extra-x86_64/me'
	HOSTNAME=arch-nspawn-7
	for line in '21 1 0:5 / / rw - overlay overlay rw' '' nonsense; do
		run build_of <<<"$line"
		expect 0 <<<'hello:arch-nspawn-7'
	done
	IFS=:
	run build_of <<<'21 1 8:1 /x/me / rw - ext4 /dev/sda1 rw'
	expect 0 <<<'hello:x/me'
}
