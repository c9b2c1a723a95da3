#!/bin/bash
#
#   native.sh - reject flags that mean the processor of whoever reads them

[[ -n "$LIBMAKEPKG_DISTCC_NATIVE_SH" ]] && return
LIBMAKEPKG_DISTCC_NATIVE_SH=1

source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/error.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/util/message.sh"
source "${MAKEPKG_LIBRARY:-${LIBRARY:-/usr/share/makepkg}}/distcc/ask.sh"

##
# Looks for -march=native and kin in the flags that compilers will get. Where
# they are, ends makepkg, unless setup.toml wants a warning or distcc-setup
# cannot be asked what it wants.
#
# A package that compiles nothing, or nothing for a processor, may have them.
##
distcc_hook_native() {
	local flag variable origin place places findings=() policy=()
	local blank=$'[ \t\n\"\']'

	# shellcheck disable=SC2154 # set by the PKGBUILD
	if ! { declare -F build || declare -F check; } >/dev/null || [[ "${arch[*]}" == 'any' ]]; then
		return 0
	fi

	for flag in '-march=native' '-mcpu=native' '-mtune=native'; do
		places=
		for variable in CPPFLAGS CFLAGS CXXFLAGS; do
			place=
			# what makepkg added to a variable is looked for where it came from
			for origin in "$variable" "DEBUG_$variable" LTOFLAGS; do
				if [[ " ${!variable//$blank/ } " == *" $flag "* \
						&& " ${!origin//$blank/ } " == *" $flag "* ]]; then
					place=$origin
				fi
			done
			if [[ -n $place && ", $places, " != *", $place, "* ]]; then
				places+="${places:+, }$place"
			fi
		done
		if [[ -n $places ]]; then
			findings+=("$flag in $places")
		fi
	done
	if (( ! ${#findings[@]} )); then
		return 0
	fi

	distcc_hook_ask policy __policy native || :
	if [[ "${policy[*]}" == 'reject' ]]; then
		for place in "${findings[@]}"; do
			error '%s' "$place does not suit a distributed build."
		done
		plainerr '%s' "Each volunteer would read it as its own processor. Do one of these:"
		plainerr '%s' "- write what it stands for here: sudo distcc-setup configure --march=replace"
		plainerr '%s' "- see what that is: distcc-setup march"
		plainerr '%s' "- build this package without distcc: options=('!distcc') in its PKGBUILD"
		plainerr '%s' "- compile here, with a warning: native = \"warn\" in /etc/distcc/setup.toml"
		exit "${E_CONFIG_ERROR:-2}"
	fi

	for place in "${findings[@]}"; do
		warning '%s' "$place: what has it is compiled here."
	done
	if [[ "${policy[*]}" != 'warn' ]]; then
		plainerr '%s' "distcc-setup cannot say whether to reject that. To see why, run: distcc-setup check"
	fi
	return 0
}
