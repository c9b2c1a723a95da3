#!/bin/bash
#
#   zz-distcc.sh - prepare a distributed build, and sum it up afterwards
#
# The name sorts it behind all that changes flags and PATH.

[[ -n "$LIBMAKEPKG_BUILDENV_ZZ_DISTCC_SH" ]] && return
LIBMAKEPKG_BUILDENV_ZZ_DISTCC_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/option.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/ask.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/environment.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/masquerade.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/names.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/native.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/summary.sh"

buildenv_functions+=('buildenv_distcc_setup')

##
# makepkg calls this right before build(), and once more inside fakeroot, right
# before the first package function: then build() and check() are done. With
# --repackage neither of them has run.
##
buildenv_distcc_setup() {
	# shellcheck disable=SC2034 # there is nothing to read in it
	local marked=()

	if ! check_buildoption 'distcc' 'y'; then
		return 0
	fi

	if (( INFAKEROOT )); then
		(( REPKG )) || distcc_hook_summary
		return 0
	fi

	distcc_hook_environment
	if (( ! REPKG )); then
		distcc_hook_names_inside
		distcc_hook_native
		distcc_hook_masquerade
		# shellcheck disable=SC2154 # set by the PKGBUILD
		distcc_hook_build "$pkgbase"
		distcc_hook_ask marked report --mark "$DISTCC_BUILD" || :
	fi
	return 0
}
