#!/usr/bin/env bats
# distcc_hook_summary: the end of a build.

load helpers

setup() {
	prepare
	source "$library/distcc/summary.sh"
	pkgbase=hello
}

@test "the first line is makepkg's, the others follow it" {
	distcc_setup <<<'echo "34 of 40 units were distributed: 100%s"; echo "6: configure probes"'
	run distcc_hook_summary
	expect 0 <<-'END'
		  -> 34 of 40 units were distributed: 100%s
		    6: configure probes
	END
	[ "$(calls)" = 'report --last-build=hello --line' ]
}

@test "where there is nothing to say, nothing is said" {
	distcc_setup </dev/null
	run distcc_hook_summary
	expect 0 </dev/null
}

@test "a distcc-setup that is missing, fails or hangs changes nothing" {
	run distcc_hook_summary
	expect 0 </dev/null
	for reply in 'exit 100' 'exec sleep 60'; do
		distcc_setup <<<"$reply"
		run distcc_hook_summary
		expect 0 </dev/null
	done
}
