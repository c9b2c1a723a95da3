#!/bin/bash
#
#   names.sh - end a build in a chroot that knows volunteers by name

[[ -n "$LIBMAKEPKG_DISTCC_NAMES_SH" ]] && return
LIBMAKEPKG_DISTCC_NAMES_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/error.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/ask.sh"

##
# Says which volunteers a build root cannot find, since it knows them by name.
#
#  usage : distcc_hook_names( $makepkg_conf, [$pkgbuild] )
# return : 0 - none, it is no build root, or distcc-setup cannot be asked
#          1 - a build would look for them in vain
##
distcc_hook_names() {
	local finding named=()

	if ! distcc_hook_ask named __policy names "$@" || (( ! ${#named[@]} )); then
		return 0
	fi
	for finding in "${named[@]}"; do
		error '%s' "$finding"
	done
	plainerr '%s' "A build in a chroot has to know volunteers by address. To have them written, run on"
	plainerr '%s' "the host: sudo distcc-setup chroot enable"
	plainerr '%s' "To build this package without distcc: options=('!distcc') in its PKGBUILD"
	return 1
}

##
# Ends a build inside a build root that would look for volunteers in vain. A
# package that compiles nothing, or nothing for a processor, does not.
##
distcc_hook_names_inside() {
	if [[ ! -e /.arch-chroot && ! -e /run/host/container-manager ]]; then
		return 0
	fi
	# shellcheck disable=SC2154 # set by the PKGBUILD
	if ! { declare -F build || declare -F check; } >/dev/null || [[ "${arch[*]}" == 'any' ]]; then
		return 0
	fi
	distcc_hook_names "$MAKEPKG_CONF" || exit "${E_CONFIG_ERROR:-2}"
}
