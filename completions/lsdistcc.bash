# bash completion for lsdistcc(1): options, whose values follow without a blank, and host names.

_lsdistcc() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	case $cur in
	-p*) mapfile -t COMPREPLY < <(compgen -P -p -c -- "${cur#-p}") ;;
	-P*) mapfile -t COMPREPLY < <(compgen -W '-P1 -P2 -P3' -- "$cur") ;;
	-*)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -W '-d -g -m -o -r -p -P -t -h -c -k -l -n -v -x --help' \
			-- "$cur")
		;;
	*) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
	esac
}

complete -F _lsdistcc lsdistcc
