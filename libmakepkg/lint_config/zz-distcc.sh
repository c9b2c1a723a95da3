#!/bin/bash
#
#   zz-distcc.sh - say what is wrong with the configuration of distcc

[[ -n "$LIBMAKEPKG_LINT_CONFIG_ZZ_DISTCC_SH" ]] && return
LIBMAKEPKG_LINT_CONFIG_ZZ_DISTCC_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/option.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/ask.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/names.sh"

lint_config_functions+=('lint_config_distcc')

##
# Warns of what distcc-setup finds. Fails only where devtools fetches sources on
# the host for a build in a chroot that would look for its volunteers in vain; the
# PKGBUILD says whether it looks for any. Elsewhere that would also end runs that
# compile nothing, and builds of packages with options=('!distcc').
##
lint_config_distcc() {
	local root finding findings=() config=() ret=0

	if (( INFAKEROOT || PRINTSRCINFO || PACKAGELIST || GENINTEG || SOURCEONLY || REPKG )) \
			|| ! check_buildenv 'distcc' 'y'; then
		return 0
	fi

	# Nothing will be built, unless this is devtools, fetching sources on the host
	# for a build in a chroot; in there, a hook of the chroot's would say it again.
	if (( NOBUILD || VERIFYSOURCE )); then
		root=${MAKEPKG_CONF%/etc/makepkg.conf}
		if [[ $root == "$MAKEPKG_CONF" || ! -e $root/.arch-chroot ]]; then
			return 0
		elif ! distcc_hook_names "$MAKEPKG_CONF" "${BUILDFILE:-PKGBUILD}"; then
			return 1
		elif [[ -e $root/usr/share/makepkg/lint_config/zz-distcc.sh ]]; then
			return 0
		fi
	fi

	# a configuration may have set IFS, or -e
	if [[ -n $MAKEPKG_CONF ]]; then
		config=(--config "$MAKEPKG_CONF")
	fi
	distcc_hook_ask findings check --hook "${config[@]}" || ret=$?
	for finding in "${findings[@]}"; do
		warning '%s' "$finding"
	done
	if (( ret >= 100 || ( ret && ! ${#findings[@]} ) )); then
		warning '%s' "The configuration of distcc was not checked. To see why, run: distcc-setup check"
	fi
	return 0
}
