# fish completion for pump(1).

complete -c pump -x -a '(__fish_complete_subcommand)'
complete -c pump -l startup -d 'Start an agent, print its variables'
complete -c pump -l shutdown -d 'End it'
complete -c pump -l version -d 'Print the version'
complete -c pump -s h -l help -d 'Print a summary'
