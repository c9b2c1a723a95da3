# bash completion for distcc(1): its own options as the first word, else a command and its words.

_distcc() {
	local cur=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]}
	if ((COMP_CWORD == 1)) && [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--explain --scan-includes --show-hosts --help --version -j' -- "$cur")
		return
	fi
	local offset=1
	[[ $first == --explain || $first == --scan-includes ]] && offset=2
	if declare -F _command_offset >/dev/null; then
		_command_offset "$offset"
	elif ((COMP_CWORD == offset)); then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

complete -F _distcc distcc
