#!/usr/bin/env bats
# distcc_hook_ask: whatever state distcc-setup is in.

load helpers

setup() {
	prepare
	source "$library/distcc/ask.sh"
}

# Asks, and prints the exit code and then each line of the answer, in brackets.
ask() {
	local answer=() ret=0
	distcc_hook_ask answer "$@" || ret=$?
	echo "$ret"
	((${#answer[@]} == 0)) || printf '[%s]\n' "${answer[@]}"
}

@test "arguments arrive whole and lines come back whole" {
	distcc_setup <<<'printf "a  b\n\n  c\\\\ %%s * \n"; exit 2'
	run ask check 'a b' ''
	expect 0 <<-'END'
		2
		[a  b]
		[  c\ %s * ]
	END
	[ "$(calls)" = 'check a b ' ]
}

@test "a last line without an end counts" {
	distcc_setup <<<'printf "one\ntwo"'
	run ask
	expect 0 <<-'END'
		0
		[one]
		[two]
	END
}

@test "a missing program is 127" {
	run ask
	expect 0 <<<127
}

@test "a program that is none is an answer without lines" {
	printf '\177ELF\0\0garbage' >"$bin/distcc-setup"
	chmod +x "$bin/distcc-setup"
	run ask
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[ "$output" -ge 100 ]
}

@test "what it says to stderr is not for the terminal" {
	distcc_setup <<<'echo no >&2; exit 100'
	run ask
	expect 0 <<<100
}

@test "one that hangs is ended" {
	distcc_setup <<<'echo one; exec sleep 60'
	run ask
	expect 0 <<-'END'
		124
		[one]
	END
}

@test "one that hangs and will not be ended is killed" {
	distcc_setup <<<'trap "" TERM; while :; do read -r -t 60 <> <(:); done'
	run ask
	[ "${lines[0]}" = 137 ]
}

@test "one that waits for an answer gets none" {
	distcc_setup <<<'read -r answer; echo "<$answer>"'
	run ask <<<'typed'
	expect 0 <<-'END'
		0
		[<>]
	END
}

@test "one that leaves a child behind does not hold us for long" {
	distcc_setup <<<'echo one; sleep 20 & exit 0'
	run timeout 15 bash -c '
		source "$LIBRARY/distcc/ask.sh"
		distcc_hook_ask answer; echo "$? ${answer[*]}"'
	expect 0 <<<'0 one'
}

@test "control characters are taken out, in any locale" {
	distcc_setup <<<'printf "\033[31mred\033[0m\a\b\r \303\244\t.\0\177\n\001\n"'
	for LC_ALL in C C.UTF-8; do
		run ask
		expect 0 <<-'END'
			0
			[[31mred[0m ä.]
		END
	done
}

@test "garbage without end is cut short" {
	distcc_setup <<<'yes "$(printf "%01000d" 1)"'
	run ask
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 51 ]
	[ "${#lines[50]}" -eq 602 ]
}

@test "it leaves no variable behind, and works under -u and -e" {
	distcc_setup <<<'echo one; exit 3'
	run bash -c '
		set -u -e; LIBMAKEPKG_DISTCC_ASK_SH=
		source "$LIBRARY/distcc/ask.sh"
		f() { local answer=(); compgen -v | sort >before; distcc_hook_ask answer x || echo "$?"
			compgen -v | sort >after; }
		f; diff before after'
	expect 0 <<<3
}
