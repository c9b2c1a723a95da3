#!/usr/bin/env bats
# lint_config/zz-distcc.sh: findings before a build.

load helpers

setup() {
	prepare
	source "$library/lint_config/zz-distcc.sh"
	BUILDENV=(distcc color)
	distcc_setup <<-'END'
		[[ $1 != __policy ]] || exit 0
		echo "makepkg.conf:7: %s is wrong"; echo "makepkg.conf:9: two"; exit 2
	END
}

# Makes a devtools root at $1.
chroot() {
	mkdir -p "$1/etc" "$1/usr/share/makepkg/lint_config"
	echo v6 >"$1/.arch-chroot"
	MAKEPKG_CONF=$1/etc/makepkg.conf
}

@test "findings are warnings, and stop nothing" {
	run lint_config_distcc
	expect 0 <<-'END'
		==> WARNING: makepkg.conf:7: %s is wrong
		==> WARNING: makepkg.conf:9: two
	END
	[ "$(calls)" = 'check --hook' ]
}

@test "it is asked about the file that makepkg reads" {
	MAKEPKG_CONF="/tmp/a b.conf"
	run lint_config_distcc
	[ "$(calls)" = 'check --hook --config /tmp/a b.conf' ]
}

@test "without findings it is silent" {
	distcc_setup <<<'exit 0'
	run lint_config_distcc
	expect 0 </dev/null
}

@test "with distcc off it asks nothing" {
	for word in '!distcc' color; do
		BUILDENV=("$word")
		run lint_config_distcc
		expect 0 </dev/null
	done
	BUILDENV=()
	run lint_config_distcc
	expect 0 </dev/null
	[ -z "$(calls)" ]
}

@test "runs that build nothing are silent" {
	local flag
	for flag in INFAKEROOT PRINTSRCINFO PACKAGELIST GENINTEG SOURCEONLY REPKG NOBUILD VERIFYSOURCE; do
		declare "$flag=1"
		run lint_config_distcc
		expect 0 </dev/null
		unset "$flag"
	done
	[ -z "$(calls)" ]
}

@test "devtools fetching sources on the host hears of the chroot's configuration" {
	chroot "$BATS_TEST_TMPDIR/my root"
	VERIFYSOURCE=1 NOBUILD=1
	run lint_config_distcc
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = '==> WARNING: makepkg.conf:7: %s is wrong' ]
	[ "$(calls)" = "__policy names $MAKEPKG_CONF PKGBUILD
check --hook --config $MAKEPKG_CONF" ]
}

# What follows the names that a build root cannot look up.
ways_out() {
	cat <<-'END'
		    A build in a chroot has to know volunteers by address. To have them written, run on
		    the host: sudo distcc-setup chroot enable
		    To build this package without distcc: options=('!distcc') in its PKGBUILD
	END
}

@test "devtools fetching sources on the host is stopped by names, whatever is in the chroot" {
	chroot "$BATS_TEST_TMPDIR/root"
	VERIFYSOURCE=1 NOBUILD=1 BUILDFILE=other
	distcc_setup <<<'[[ $1 != __policy ]] || echo "makepkg.conf:7: desk is a name %s"'
	run lint_config_distcc
	expect 1 < <(
		echo '==> ERROR: makepkg.conf:7: desk is a name %s'
		ways_out
	)
	[ "$(calls)" = "__policy names $MAKEPKG_CONF other" ]
	touch root/usr/share/makepkg/lint_config/zz-distcc.sh
	run lint_config_distcc
	[ "$status" -eq 1 ]
}

@test "outside of chroots nobody asks for names, nor inside before the PKGBUILD is known" {
	chroot "$BATS_TEST_TMPDIR/root"
	run lint_config_distcc
	[ "$(calls)" = "check --hook --config $MAKEPKG_CONF" ]
}

@test "a chroot that has the hook speaks for itself" {
	chroot "$BATS_TEST_TMPDIR/root"
	touch root/usr/share/makepkg/lint_config/zz-distcc.sh
	VERIFYSOURCE=1 NOBUILD=1
	run lint_config_distcc
	expect 0 </dev/null
	VERIFYSOURCE=0 NOBUILD=0
	run lint_config_distcc
	[ "${#lines[@]}" -eq 2 ]
}

@test "another file while sources are fetched is nobody's chroot" {
	chroot "$BATS_TEST_TMPDIR/root"
	VERIFYSOURCE=1 MAKEPKG_CONF=$BATS_TEST_TMPDIR/root/etc/other.conf
	run lint_config_distcc
	expect 0 </dev/null
}

@test "a distcc-setup that is missing, broken or hangs is one warning" {
	for reply in 'exit 100' 'exit 2' 'kill -SEGV $$' 'exec sleep 60'; do
		distcc_setup <<<"$reply"
		run lint_config_distcc
		expect 0 <<<'==> WARNING: The configuration of distcc was not checked. To see why, run: distcc-setup check'
	done
	rm bin/distcc-setup
	run lint_config_distcc
	expect 0 <<<'==> WARNING: The configuration of distcc was not checked. To see why, run: distcc-setup check'
}

@test "escape sequences do not reach the terminal" {
	distcc_setup <<<'printf "\033]0;title\a\033[2Jtext\n"'
	run lint_config_distcc
	expect 0 <<<'==> WARNING: ]0;title[2Jtext'
}
