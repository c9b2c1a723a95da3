# bash completion for pump(1): its options as the first word, else a command and its words.

_pump() {
	if ((COMP_CWORD == 1)) && [[ ${COMP_WORDS[1]} == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--startup --shutdown --help -h --version' \
			-- "${COMP_WORDS[1]}")
	elif declare -F _command_offset >/dev/null; then
		_command_offset 1
	elif ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -c -- "${COMP_WORDS[1]}")
	fi
}

complete -o default -F _pump pump
