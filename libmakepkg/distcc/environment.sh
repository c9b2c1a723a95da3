#!/bin/bash
#
#   environment.sh - hand the client the settings that makepkg keeps to itself

[[ -n "$LIBMAKEPKG_DISTCC_ENVIRONMENT_SH" ]] && return
LIBMAKEPKG_DISTCC_ENVIRONMENT_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"

##
# Exports DISTCC_*, of which makepkg exports DISTCC_HOSTS alone, and makes
# DISTCC_DIR: a client of distcc 3.4 that is given one that is not there
# compiles everything here without a word.
##
distcc_hook_environment() {
	local -a names=("${!DISTCC_@}")

	if (( ${#names[@]} )); then
		# shellcheck disable=SC2163 # the variables that are named
		export "${names[@]}"
	fi

	if [[ -z $DISTCC_DIR ]]; then
		return 0
	fi
	if [[ ! -d $DISTCC_DIR ]] && ! mkdir -p -- "$DISTCC_DIR" 2>/dev/null; then
		warning '%s' "DISTCC_DIR cannot be made: $DISTCC_DIR"
	elif [[ ! -w $DISTCC_DIR ]]; then
		warning '%s' "DISTCC_DIR cannot be written: $DISTCC_DIR"
	fi
	return 0
}

##
# Names the build for the journal and its report: the package, and in a build
# root, whose journal may be the host's, that root: PACKAGE:REPO-ARCH/COPY.
#
#  usage : distcc_hook_build( $pkgbase, [$root], [$mounts] )
##
distcc_hook_build() {
	local words top=''

	export DISTCC_BUILD=$1
	if [[ ! -e ${2-}/.arch-chroot ]]; then
		return 0
	fi
	# where our root directory is in its file system
	while IFS=' ' read -r -a words; do
		if [[ ${words[4]} == / ]]; then
			top=${words[3]}
		fi
	done 2>/dev/null <"${3:-/proc/self/mountinfo}"
	if [[ $top =~ [^/]+/[^/]+$ ]]; then
		DISTCC_BUILD+=:${BASH_REMATCH[0]}
	else
		DISTCC_BUILD+=:$HOSTNAME
	fi
}
