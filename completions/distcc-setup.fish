# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_distcc_setup_global_optspecs
    string join \n h/help V/version
end

function __fish_distcc_setup_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_distcc_setup_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_distcc_setup_using_subcommand
    set -l cmd (__fish_distcc_setup_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c distcc-setup -n "__fish_distcc_setup_needs_command" -s h -l help -d 'Print help'
complete -c distcc-setup -n "__fish_distcc_setup_needs_command" -s V -l version -d 'Print version'
complete -c distcc-setup -n "__fish_distcc_setup_needs_command" -f -a "try" -d 'Build something with volunteers that run on this machine, and say what happened'
complete -c distcc-setup -n "__fish_distcc_setup_using_subcommand try" -s n -l volunteers -d 'How many volunteers to start' -r
complete -c distcc-setup -n "__fish_distcc_setup_using_subcommand try" -s j -l jobs -d 'Jobs that the sample\'s make runs at once, and slots of all volunteers together [default: one per processor, at least two per volunteer]' -r
complete -c distcc-setup -n "__fish_distcc_setup_using_subcommand try" -l lzo -d 'Compress what is sent, as one would on a slow network'
complete -c distcc-setup -n "__fish_distcc_setup_using_subcommand try" -s k -l keep -d 'Keep the directory with the sample, the logs and the journal, and say where it is'
complete -c distcc-setup -n "__fish_distcc_setup_using_subcommand try" -s h -l help -d 'Print help (see more with \'--help\')'
