#!/bin/bash
#
#   ask.sh - ask distcc-setup something, whatever state it is in

[[ -n "$LIBMAKEPKG_DISTCC_ASK_SH" ]] && return
LIBMAKEPKG_DISTCC_ASK_SH=1

##
# Runs distcc-setup with a time limit and reads what it prints, without control
# characters: its words go to a terminal, and it may be broken.
#
#  usage : distcc_hook_ask( $array, $argument... )
# return : the exit code of distcc-setup
#          124 - it took too long
#          127 - it is missing
##
distcc_hook_ask() {
	local -n distcc_hook_answer=$1
	shift

	local line
	distcc_hook_answer=()
	while (( ${#distcc_hook_answer[@]} < 50 )) && { IFS= read -r -t 3 line || [[ -n $line ]]; }; do
		line=${line//[[:cntrl:]]/}
		if [[ -n $line ]]; then
			distcc_hook_answer+=("${line:0:600}")
		fi
	done < <(exec timeout -k 1 2 distcc-setup "$@" </dev/null 2>/dev/null)
	wait "$!"
}
