#!/usr/bin/env bats
# distcc_hook_names: volunteers that a build root knows by name.

load helpers

setup() {
	prepare
	source "$library/distcc/names.sh"
	distcc_setup <<<'echo "makepkg.conf:7: desk is a name %s"'
}

@test "names are errors, and there are ways out" {
	run distcc_hook_names '/a b/makepkg.conf' PKGBUILD
	expect 1 <<-'END'
		==> ERROR: makepkg.conf:7: desk is a name %s
		    A build in a chroot has to know volunteers by address. To have them written, run on
		    the host: sudo distcc-setup chroot enable
		    To build this package without distcc: options=('!distcc') in its PKGBUILD
	END
	[ "$(calls)" = '__policy names /a b/makepkg.conf PKGBUILD' ]
}

@test "addresses are well" {
	distcc_setup </dev/null
	run distcc_hook_names ''
	expect 0 </dev/null
	[ "$(calls)" = '__policy names ' ]
}

@test "no build ends because distcc-setup is missing, broken, old or hangs" {
	for reply in 'exit 101' 'echo half; exit 1' 'kill -SEGV $$' 'exec sleep 60'; do
		distcc_setup <<<"$reply"
		run distcc_hook_names ''
		expect 0 </dev/null
	done
	rm bin/distcc-setup
	run distcc_hook_names ''
	expect 0 </dev/null
}

@test "outside of build roots nothing is asked" {
	[[ ! -e /.arch-chroot && ! -e /run/host/container-manager ]] || skip 'this is one'
	build() { :; }
	arch=(x86_64)
	run distcc_hook_names_inside
	expect 0 </dev/null
	[ -z "$(calls)" ]
}
