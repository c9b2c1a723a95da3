# fish completion for distccmon-text(1).

complete -c distccmon-text -x -a '1 2 5 10' -d 'Seconds between looks'
complete -c distccmon-text -l help -d 'Print a summary'
complete -c distccmon-text -l version -d 'Print the version'
