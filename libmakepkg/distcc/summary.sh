#!/bin/bash
#
#   summary.sh - say what became of the units of a build

[[ -n "$LIBMAKEPKG_DISTCC_SUMMARY_SH" ]] && return
LIBMAKEPKG_DISTCC_SUMMARY_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/ask.sh"

##
# Prints how much was distributed since the build's mark, and the worst reasons
# why the rest was not. Says nothing if nothing was compiled.
##
distcc_hook_summary() {
	local line lines=()

	# shellcheck disable=SC2154 # set by the PKGBUILD
	distcc_hook_ask lines report "--last-build=${DISTCC_BUILD:-$pkgbase}" --line || :
	if (( ${#lines[@]} )); then
		msg2 '%s' "${lines[0]}"
		for line in "${lines[@]:1}"; do
			plain '%s' "$line"
		done
	fi
	return 0
}
