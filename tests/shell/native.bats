#!/usr/bin/env bats
# distcc_hook_native: flags that mean the processor of whoever reads them.

load helpers

setup() {
	prepare
	source "$library/distcc/native.sh"
	arch=(x86_64)
	build() { :; }
	distcc_setup <<<'echo reject'
}

# What follows the first lines of a rejection.
ways_out() {
	cat <<-'END'
		    Each volunteer would read it as its own processor. Do one of these:
		    - write what it stands for here: sudo distcc-setup configure --march=replace
		    - see what that is: distcc-setup march
		    - build this package without distcc: options=('!distcc') in its PKGBUILD
		    - compile here, with a warning: native = "warn" in /etc/distcc/setup.toml
	END
}

@test "flags that mean one processor are well, and cost no question" {
	CFLAGS='-march=x86-64-v3 -mtune=generic -O2' CXXFLAGS=$CFLAGS CPPFLAGS=-DNAME=native
	LDFLAGS=-march=native
	run distcc_hook_native
	expect 0 </dev/null
	[ -z "$(calls)" ]
}

@test "a native flag is rejected with code 2" {
	CFLAGS='-march=native -O2'
	run distcc_hook_native
	expect 2 < <(
		echo "==> ERROR: -march=native in CFLAGS does not suit a distributed build."
		ways_out
	)
	[ "$(calls)" = '__policy native' ]
}

@test "every flag and every variable is named once" {
	CPPFLAGS=-mcpu=native CFLAGS='-O2 -march=native -mtune=native' CXXFLAGS=$CFLAGS
	run distcc_hook_native
	expect 2 < <(
		echo "==> ERROR: -march=native in CFLAGS, CXXFLAGS does not suit a distributed build."
		echo "==> ERROR: -mcpu=native in CPPFLAGS does not suit a distributed build."
		echo "==> ERROR: -mtune=native in CFLAGS, CXXFLAGS does not suit a distributed build."
		ways_out
	)
}

@test "a variable that makepkg added is named instead of the one it was added to" {
	DEBUG_CXXFLAGS='-g -mtune=native' LTOFLAGS='-flto -march=native'
	CXXFLAGS="-O2 $DEBUG_CXXFLAGS $LTOFLAGS" CFLAGS="-O2 $LTOFLAGS"
	run distcc_hook_native
	[ "${lines[0]}" = '==> ERROR: -march=native in LTOFLAGS does not suit a distributed build.' ]
	[ "${lines[1]}" = '==> ERROR: -mtune=native in DEBUG_CXXFLAGS does not suit a distributed build.' ]
}

@test "what is not in the final flags does not matter" {
	DEBUG_CFLAGS=-march=native LTOFLAGS=-march=native RUSTFLAGS='-C target-cpu=native'
	run distcc_hook_native
	expect 0 </dev/null
}

@test "line ends, tabs and quotes do not hide a flag" {
	for CFLAGS in $'-O2\n-march=native\n-g' $'-O2\t-march=native' "-O2 '-march=native'" '"-march=native"'; do
		run distcc_hook_native
		[ "$status" -eq 2 ]
	done
}

@test "a word that only contains such a flag is none" {
	for CFLAGS in -march=nativex -Dx-march=native '-Wa,-march=native' '-march=*'; do
		run distcc_hook_native
		expect 0 </dev/null
	done
}

@test "policy warn lets the build go on" {
	distcc_setup <<<'echo warn'
	CFLAGS=-march=native
	run distcc_hook_native
	expect 0 <<<'==> WARNING: -march=native in CFLAGS: what has it is compiled here.'
}

@test "no policy is no rejection" {
	CFLAGS=-march=native
	for reply in 'exit 1' 'echo nonsense' 'printf "\033[2Jreject now"' 'exec sleep 60'; do
		distcc_setup <<<"$reply"
		run distcc_hook_native
		expect 0 <<-'END'
			==> WARNING: -march=native in CFLAGS: what has it is compiled here.
			    distcc-setup cannot say whether to reject that. To see why, run: distcc-setup check
		END
	done
	rm bin/distcc-setup
	run distcc_hook_native
	[ "$status" -eq 0 ]
}

@test "a package for any processor may have it" {
	arch=(any) CFLAGS=-march=native
	run distcc_hook_native
	expect 0 </dev/null
}

@test "a package that builds nothing may have it" {
	CFLAGS=-march=native
	unset -f build
	run distcc_hook_native
	expect 0 </dev/null
	check() { :; }
	run distcc_hook_native
	[ "$status" -eq 2 ]
}

@test "flags need not be set, nor HOME" {
	unset CFLAGS CXXFLAGS CPPFLAGS HOME
	run distcc_hook_native
	expect 0 </dev/null
}
