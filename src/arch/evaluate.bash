# Reads makepkg's configuration as makepkg does, and reports on descriptor 0, a socket, what it did.
#
#   bash -c THIS MAKEPKG DROP_INS USER_FILES FILE [INSTEAD]
#
# MAKEPKG    what files take for the program that reads them
# DROP_INS   y: FILE.d/*.conf are read too, as from pacman 6.1 on
# USER_FILES y: the user's own file is read too, as for /etc/makepkg.conf
# INSTEAD    what is read in place of the user's own file
#
# Records, each field ended by NUL:
#   begin FILE                       FILE is read next
#   set NAME FILE LINE               the command that ends in LINE gave NAME its value
#   return FILE LINE                 `return` in LINE ended FILE
#   lost NAME FILE                   NAME is a variable of FILE's own (`declare`), which ended with it
#   done FILE STATUS                 FILE was read; its last command's status
#   value NAME KIND EXPORTED N V…    KIND s (scalar) or a (array), N values
#   end

# What is called here is bash's own, whatever functions of these names the files define.

# A file may use the first numbers for itself, from which bash would choose.
__distcc_fd=173
exec 173>&0 || exec {__distcc_fd}>&0
exec 0</dev/null

# What a file finds in makepkg besides the environment.
LIBRARY=${LIBRARY:-/usr/share/makepkg}
MAKEPKG_LIBRARY=${MAKEPKG_LIBRARY:-/usr/share/makepkg}
MAKEPKG_CONF=$3
msg() { builtin printf '==> %s\n' "$*"; }
msg2() { builtin printf '  -> %s\n' "$*"; }
plain() { builtin printf '    %s\n' "$*"; }
plainerr() { plain "$@" >&2; }
warning() { msg "WARNING: $*" >&2; }
error() { msg "ERROR: $*" >&2; }

__distcc_environment=(PKGDEST SRCDEST SRCPKGDEST LOGDEST BUILDDIR PKGEXT SRCEXT GPGKEY PACKAGER CARCH)
__distcc_watched=(
	BUILDENV OPTIONS MAKEFLAGS NPROC CARCH CHOST CPPFLAGS CFLAGS CXXFLAGS LDFLAGS LTOFLAGS RUSTFLAGS
	FFLAGS FCFLAGS DEBUG_CFLAGS DEBUG_CXXFLAGS DEBUG_RUSTFLAGS DEBUG_FFLAGS BUILDDIR CC CXX NINJAFLAGS
	CCACHE_PREFIX CCACHE_DISABLE CMAKE_BUILD_PARALLEL_LEVEL CARGO_BUILD_JOBS DISTCC_HOSTS DISTCC_DIR
	"${!DISTCC_@}"
)
declare -A __distcc_known=()
__distcc_last=() __distcc_named=()
declare -A __distcc_is_watched=()
for __distcc_name in "${__distcc_watched[@]}"; do
	__distcc_is_watched[$__distcc_name]=1
done

__distcc_tell() {
	builtin printf '%s\0' "$@" >&"$__distcc_fd"
}

# What NAME holds, as one word: unset, scalars and arrays all differ.
__distcc_state() {
	local -n __distcc_ref=$1
	if [[ -v $1 ]] || [[ ${__distcc_ref@a} == *a* ]]; then
		__distcc_now="${__distcc_ref@a}:${#__distcc_ref[@]}:${__distcc_ref[*]@Q}"
	else
		__distcc_now=
	fi
}

# Compares the variables named with what they held before, and tells of those that differ.
__distcc_compare() {
	local name __distcc_now
	for name in "$@"; do
		__distcc_state "$name"
		if [[ ${__distcc_known[$name]-} != "$__distcc_now" ]]; then
			__distcc_known[$name]=$__distcc_now
			__distcc_tell set "$name" "${__distcc_last[@]}"
		fi
	done
}

# Before each command: what the one before has changed; and whether this one assigns, which counts
# even where the value stays the same. A command changes what it names, or, where its words are
# expanded first, anything.
__distcc_watch() {
	((BASH_SUBSHELL)) && return 0
	local name
	((${#__distcc_last[@]})) && __distcc_compare "${__distcc_named[@]}"
	__distcc_last=("$1" "$2") __distcc_named=()
	case $3 in
	[a-z]*\$* | ': '*\$*) __distcc_named=("${__distcc_watched[@]}" "${!DISTCC_@}") ;;
	*[A-Z]*)
		for name in "${__distcc_watched[@]}"; do
			[[ $3 == *"$name"* ]] && __distcc_named+=("$name")
		done
		[[ $3 == *DISTCC_* ]] && __distcc_named+=("${!DISTCC_@}")
		;;
	esac
	# In a function, `return` ends that alone.
	[[ $3 == return || $3 == return\ * ]] && [[ ${FUNCNAME[1]} == source ]] &&
		__distcc_tell return "$1" "$2"
	# The name that is assigned to, behind `export` and the like and their options.
	name=${3%%[[+=]*}
	name=${name##*[[:blank:]]}
	if [[ -n $name && $name != "$3" && (-n ${__distcc_is_watched[$name]-} || $name == DISTCC_*) ]]; then
		case $3 in
		"$name"* | export\ * | declare\ * | typeset\ * | readonly\ * | local\ *)
			__distcc_tell set "$name" "$1" "$2"
			;;
		esac
	fi
	return 0
}

# One file, as makepkg's source_safe reads it.
__distcc_read() {
	__distcc_tell begin "$1"
	builtin shopt -u extglob
	builtin trap '__distcc_watch "${BASH_SOURCE[0]}" "$LINENO" "$BASH_COMMAND"' DEBUG
	# shellcheck disable=SC1090 # it is what we are here for
	source "$1"
	local __distcc_status=$?
	builtin trap - DEBUG
	((${#__distcc_last[@]})) && __distcc_compare "${__distcc_watched[@]}" "${!DISTCC_@}"
	__distcc_last=()
	local __distcc_name
	for __distcc_name in "${__distcc_watched[@]}" "${!DISTCC_@}"; do
		local -p "$__distcc_name" &>/dev/null && __distcc_tell lost "$__distcc_name" "$1"
	done
	builtin shopt -s extglob
	__distcc_tell 'done' "$1" "$__distcc_status"
	return "$__distcc_status"
}

__distcc_load() {
	local __distcc_file __distcc_name __distcc_kept
	declare -A __distcc_kept=()
	for __distcc_name in "${__distcc_environment[@]}"; do
		if [[ -n ${!__distcc_name-} ]]; then
			__distcc_kept[$__distcc_name]=${!__distcc_name}
		fi
	done
	__distcc_read "$3" || return
	if [[ $1 == y && -d $3.d ]]; then
		for __distcc_file in "$3".d/*.conf; do
			[[ -e $__distcc_file ]] || continue
			__distcc_read "$__distcc_file" || return
		done
	fi
	if [[ -n ${4-} ]]; then
		__distcc_read "$4" || return
	elif [[ $2 == y ]]; then
		if [[ -r ${XDG_CONFIG_HOME:-$HOME/.config}/pacman/makepkg.conf ]]; then
			__distcc_read "${XDG_CONFIG_HOME:-$HOME/.config}/pacman/makepkg.conf" || return
		elif [[ -r $HOME/.makepkg.conf ]]; then
			__distcc_read "$HOME/.makepkg.conf" || return
		fi
	fi
	for __distcc_name in "${!__distcc_kept[@]}"; do
		builtin printf -v "$__distcc_name" '%s' "${__distcc_kept[$__distcc_name]}"
		__distcc_tell set "$__distcc_name" '' 0
	done
}

__distcc_values() {
	local __distcc_name __distcc_attributes __distcc_kind __distcc_exported
	declare -A __distcc_seen=()
	for __distcc_name in "${__distcc_watched[@]}" "${!DISTCC_@}"; do
		[[ -z ${__distcc_seen[$__distcc_name]-} ]] || continue
		__distcc_seen[$__distcc_name]=1
		local -n __distcc_value=$__distcc_name
		__distcc_attributes=${__distcc_value@a}
		[[ -v $__distcc_name || $__distcc_attributes == *[aA]* ]] || continue
		__distcc_kind=s __distcc_exported=n
		[[ $__distcc_attributes == *[aA]* ]] && __distcc_kind=a
		[[ $__distcc_attributes == *x* ]] && __distcc_exported=y
		__distcc_tell value "$__distcc_name" "$__distcc_kind" "$__distcc_exported" \
			"${#__distcc_value[@]}" "${__distcc_value[@]}"
	done
}

shopt -s extglob
set -o functrace
for __distcc_name in "${__distcc_watched[@]}"; do
	__distcc_state "$__distcc_name"
	__distcc_known[$__distcc_name]=$__distcc_now
done
__distcc_load "$@"
__distcc_values
__distcc_tell end
