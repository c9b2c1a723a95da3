# fish completion for distcc(1): its own options as the first word, else a command and its words.

function __distcc_first
    test (count (commandline -opc)) -eq 1
end

complete -c distcc -f -n __distcc_first -l explain -d 'Say what would be done about a command, and why'
complete -c distcc -f -n __distcc_first -l scan-includes -d 'List the files that a command may open'
complete -c distcc -f -n __distcc_first -l show-hosts -d 'Print the host list'
complete -c distcc -f -n __distcc_first -s j -d 'Print the sum of the slots of all hosts'
complete -c distcc -f -n __distcc_first -l help -d 'Print a summary'
complete -c distcc -f -n __distcc_first -l version -d 'Print the version'
complete -c distcc -x -a '(__fish_complete_subcommand)'
