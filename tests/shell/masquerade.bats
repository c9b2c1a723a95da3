#!/usr/bin/env bats
# distcc_hook_masquerade: whether a compiler's name leads to the client.

load helpers

setup() {
	prepare
	mkdir farm real
	for dir in farm real; do
		touch "$dir/gcc" && chmod +x "$dir/gcc"
	done
	program distcc <<<'exit 0'
	ln -sf ../bin/distcc farm/gcc
	search=$BATS_TEST_TMPDIR/real:$bin
	source "$library/distcc/masquerade.sh"
}

# Judges a PATH that has only what a test puts there.
judge() {
	local PATH=$search
	distcc_hook_masquerade
}

@test "with links to the client first in PATH all is well" {
	search=$BATS_TEST_TMPDIR/farm:$search
	run judge
	expect 0 </dev/null
}

@test "with the compiler itself first nothing is distributed" {
	run judge
	expect 0 <<-END
		==> WARNING: gcc is $BATS_TEST_TMPDIR/real/gcc and not distcc: nothing is distributed.
		    The first directory of PATH must be one with links to distcc, as /usr/lib/distcc/bin.
		    To see what is missing, run: distcc-setup check
	END
}

@test "where there is only clang, clang counts" {
	rm real/gcc
	cp bin/distcc real/clang
	run judge
	[ "${lines[0]}" = "==> WARNING: clang is $BATS_TEST_TMPDIR/real/clang and not distcc: nothing is distributed." ]
	ln -s ../bin/distcc farm/clang
	search=$BATS_TEST_TMPDIR/farm:$search
	run judge
	expect 0 </dev/null
}

@test "ccache that calls distcc is well" {
	program ccache <<<'exit 0'
	ln -sf ../bin/ccache real/gcc
	for CCACHE_PREFIX in distcc /usr/bin/distcc 'other distcc' 'distcc other'; do
		run judge
		expect 0 </dev/null
	done
}

@test "ccache that does not is not" {
	program ccache <<<'exit 0'
	ln -sf ../bin/ccache real/gcc
	for CCACHE_PREFIX in '' icecc mydistcc distccx; do
		run judge
		expect 0 <<<'==> WARNING: gcc is ccache, and CCACHE_PREFIX does not name distcc: nothing is distributed.'
	done
}

@test "a CC that names the client is well" {
	CC='distcc gcc'
	run judge
	expect 0 </dev/null
}

@test "without a client, or without a compiler, others speak" {
	rm bin/distcc
	run judge
	expect 0 </dev/null
	program distcc <<<'exit 0'
	rm real/gcc
	run judge
	expect 0 </dev/null
}
