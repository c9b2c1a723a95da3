# What makepkg offers for options: the last mention wins, and 127 means none.
_asked() {
	local option=$1 wanted=$2 word found=
	for word in "${@:3}"; do
		case $word in
		"$option") found=y ;;
		"!$option") found=n ;;
		esac
	done
	[[ -n $found ]] || return 127
	[[ $found == "$wanted" ]]
}
check_buildenv() { _asked "$1" "$2" "${BUILDENV[@]}"; }
check_buildoption() { _asked "$1" "$2" "${BUILDENV[@]}" "${options[@]}"; }
check_option() { _asked "$1" "$2" "${OPTIONS[@]}" "${options[@]}"; }
