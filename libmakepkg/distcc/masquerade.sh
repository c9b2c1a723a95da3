#!/bin/bash
#
#   masquerade.sh - see that a compiler's name leads to the client

[[ -n "$LIBMAKEPKG_DISTCC_MASQUERADE_SH" ]] && return
LIBMAKEPKG_DISTCC_MASQUERADE_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"

##
# Warns if a build that calls gcc (or clang) by name would not get the client.
# makepkg itself says nothing where /usr/lib/distcc/bin is missing, and then
# nothing is distributed.
##
distcc_hook_masquerade() {
	local name path

	if ! hash distcc 2>/dev/null || [[ $CC == *distcc* ]]; then
		return 0
	fi
	for name in gcc cc clang; do
		if hash "$name" 2>/dev/null && [[ -n ${BASH_CMDS[$name]} ]]; then
			path=${BASH_CMDS[$name]}
			break
		fi
	done

	if [[ -z $path || $path -ef ${BASH_CMDS[distcc]} ]]; then
		return 0
	elif hash ccache 2>/dev/null && [[ $path -ef ${BASH_CMDS[ccache]} ]]; then
		if [[ " $CCACHE_PREFIX " != *[\ /]distcc\ * ]]; then
			warning '%s' "$name is ccache, and CCACHE_PREFIX does not name distcc: nothing is distributed."
		fi
	else
		warning '%s' "$name is $path and not distcc: nothing is distributed."
		plainerr '%s' "The first directory of PATH must be one with links to distcc, as /usr/lib/distcc/bin."
		plainerr '%s' "To see what is missing, run: distcc-setup check"
	fi
	return 0
}
