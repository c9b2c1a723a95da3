#!/usr/bin/env bats
# All hooks in a run of makepkg, as pacman 6.0, 7.0 and 7.1 would call them.

load helpers

setup() {
	prepare
	program distcc <<<'exit 0'
	ln -s distcc "$bin/gcc"
	distcc_setup <<-'END'
		case $1 in
		check) echo "makepkg.conf:3: a finding" ;;
		report) [[ $2 != --last-build=one ]] || echo "2 of 3 units were distributed" ;;
		__policy) echo reject ;;
		esac
	END
	export CONFIG=$BATS_TEST_TMPDIR/makepkg.conf
	cat >makepkg.conf <<-'END'
		BUILDENV=(distcc) OPTIONS=()
		DISTCC_HOSTS="a/4"
		DISTCC_DIR=$HOME/state
		CFLAGS="-O2 $MORE"
	END
	cat >PKGBUILD <<-'END'
		pkgname=(one two) arch=(x86_64)
		options=($OPTION)
		build() { echo "build: $(env | grep ^DISTCC_ | sort | tr '\n' ' ')"; }
		package() { echo "package $1"; }
	END
}

# Runs makepkg of a version.
makepkg() {
	local version=$1
	shift
	export VERSION=$version MAKEPKG_LIBRARY=$library
	"$BATS_TEST_DIRNAME/makepkg" "$@"
}

versions='6.0 7.0 7.1'

@test "a build is linted once, gets its environment, and is summed up once" {
	for version in $versions; do
		run makepkg "$version"
		expect 0 <<-END
			==> WARNING: makepkg.conf:3: a finding
			build: DISTCC_BUILD=one DISTCC_DIR=$HOME/state DISTCC_HOSTS=a/4 
			  -> 2 of 3 units were distributed
			package one
			package two
			cleaned up
			cleaned up
		END
		[ -d "$HOME/state" ]
		[ "$(calls)" = $'check --hook\nreport --mark one\nreport --last-build=one --line' ]
		rm -r "$HOME/state" calls
	done
}

@test "a native flag ends every version with 2 before anything is compiled" {
	export MORE=-march=native
	for version in $versions; do
		run makepkg "$version"
		[ "$status" -eq 2 ]
		[ "${lines[1]}" = '==> ERROR: -march=native in CFLAGS does not suit a distributed build.' ]
		[ "${lines[-1]}" = 'cleaned up' ]
		[[ $output != *build:* && $output != *units* ]]
	done
}

@test "options=('!distcc') takes a package out of all of it" {
	export MORE=-march=native OPTION='!distcc'
	for version in $versions; do
		run makepkg "$version"
		expect 0 <<-'END'
			==> WARNING: makepkg.conf:3: a finding
			build: 
			package one
			package two
			cleaned up
			cleaned up
		END
	done
}

@test "options=('distcc') takes a package in where the configuration does not" {
	export MORE=-march=native OPTION=distcc
	sed -i 's/BUILDENV=(distcc)/BUILDENV=(!distcc)/' makepkg.conf
	for version in $versions; do
		run makepkg "$version"
		[ "$status" -eq 2 ]
	done
}

@test "words of the command line reach the client" {
	for version in $versions; do
		run makepkg "$version" DISTCC_VERBOSE=1
		[ "${lines[1]}" = "build: DISTCC_BUILD=one DISTCC_DIR=$HOME/state DISTCC_HOSTS=a/4 DISTCC_VERBOSE=1 " ]
	done
}

@test "--printsrcinfo prints what it is for" {
	for version in $versions; do
		run makepkg "$version" --printsrcinfo
		expect 0 <<-'END'
			pkgbase = one
			cleaned up
		END
	done
}

@test "--repackage neither judges nor sums up" {
	export MORE=-march=native
	for version in $versions; do
		run makepkg "$version" --repackage
		expect 0 <<-'END'
			package one
			package two
			cleaned up
			cleaned up
		END
		[ -z "$(calls)" ]
	done
}

@test "a failed build is not summed up" {
	echo 'build() { false; }' >>PKGBUILD
	for version in $versions; do
		run makepkg "$version"
		expect 4 <<-'END'
			==> WARNING: makepkg.conf:3: a finding
			cleaned up
		END
	done
}

@test "the build goes on without distcc-setup" {
	rm "$bin/distcc-setup"
	export MORE=-march=native
	for version in $versions; do
		run makepkg "$version"
		expect 0 <<-END
			==> WARNING: The configuration of distcc was not checked. To see why, run: distcc-setup check
			==> WARNING: -march=native in CFLAGS: what has it is compiled here.
			    distcc-setup cannot say whether to reject that. To see why, run: distcc-setup check
			build: DISTCC_BUILD=one DISTCC_DIR=$HOME/state DISTCC_HOSTS=a/4 
			package one
			package two
			cleaned up
			cleaned up
		END
	done
}

@test "the build goes on without HOME" {
	sed -i '/DISTCC_DIR/d' makepkg.conf
	unset HOME
	for version in $versions; do
		run makepkg "$version"
		[ "$status" -eq 0 ]
	done
}

@test "hooks leave nothing behind but their functions, their guards and what they export" {
	cat >>PKGBUILD <<-'END'
		pkgbase=one DISTCC_BUILD= MAKEFLAGS= LDFLAGS= CPPFLAGS= CXXFLAGS=
		compgen -v | sort >before
		shopt -o >options-before
		build() {
			compgen -v | grep -v '^FUNCNAME$' | sort >after
			shopt -o >options-after
		}
	END
	for version in $versions; do
		run makepkg "$version"
		[ "$status" -eq 0 ]
		diff before after
		cmp options-before options-after
	done
}

@test "a configuration that sets IFS or -e is checked, and stops no build" {
	distcc_setup <<-'END'
		case $1:$3 in
		check:--config) echo "makepkg.conf:3: a finding" ;;
		esac
		exit 1
	END
	for setting in 'IFS=' 'IFS=:' 'set -e'; do
		for version in $versions; do
			sed -i "1i $setting" makepkg.conf
			run makepkg "$version" --config="$PWD/makepkg.conf"
			[ "$status" -eq 0 ]
			[[ $output == *'makepkg.conf:3: a finding'*'build: '*'package two'* ]]
			sed -i 1d makepkg.conf
			rm -r "$HOME/state" calls
		done
	done
}
