complete -c distccd -s P -l pid-file -d 'Save the process id of the daemon in FILE' -r -F
complete -c distccd -s N -l nice -d 'Lower the priority by LEVEL, 20 is nicest' -r
complete -c distccd -l oom-score-adj -d 'Make the kernel\'s out-of-memory killer prefer (1000) or spare (-1000) compilers' -r
complete -c distccd -l user -d 'Become this user if started by root [default: distcc]' -r
complete -c distccd -s j -l jobs -d 'Compile at most LIMIT files at once [default: processors + 2]' -r
complete -c distccd -l job-lifetime -d 'Kill a compile that takes longer; 0 lets it run' -r
complete -c distccd -l lifetime -d 'End after so many seconds; 0 is never (for tests)' -r
complete -c distccd -s p -l port -d 'TCP port to listen on [default: 3632, or that of --target]' -r
complete -c distccd -l listen -d 'Address to listen on [default: all of IPv6 and IPv4]' -r
complete -c distccd -s a -l allow -d 'Serve clients with this address, network or host name; may be repeated' -r
complete -c distccd -l stats-port -d 'TCP port of the statistics' -r
complete -c distccd -l target -d 'Compile for this machine only: x86_64, armv5, armv6h, armv7h or armv8' -r
complete -c distccd -l toolchain -d 'Serve this toolchain: its directory, or a target to find one for; may be repeated' -r
complete -c distccd -l sysroot -d 'Accept -specs=F where F is a regular file below DIR' -r -F
complete -c distccd -l sandbox -d 'How to shut compilers off from this machine' -r -f -a "auto\t'What the kernel has; the log says what that is'
require\t'Do not start where the kernel has no Landlock'
off\t'Compilers may do what the daemon may'"
complete -c distccd -l max-waiting -d 'Connections that may wait or be read at once; the next wait in the kernel' -r
complete -c distccd -l io-timeout -d 'Longest silence of a client within a request or reply [default: $DISTCC_IO_TIMEOUT or 300]' -r
complete -c distccd -l transfer-timeout -d 'Longest time that a whole request or reply may take to travel; 0 is any' -r
complete -c distccd -l max-held -d 'Memory for requests that wait, and as much again for unfinished ones' -r
complete -c distccd -l max-output -d 'Largest object file that a compiler may write' -r
complete -c distccd -l pump-cache -d 'Disk space for the files of pump clients [default: a quarter of what is free in TMPDIR]' -r
complete -c distccd -l stop-grace -d 'How long running compiles may go on once the daemon is told to stop' -r
complete -c distccd -l log-level -d 'How much to log: emerg, alert, crit, err, warning, notice, info or debug' -r
complete -c distccd -l log-file -d 'Log to FILE, not to syslog' -r -F
complete -c distccd -l allow-private -d 'Serve clients of private networks (the default where no --allow is given)'
complete -c distccd -l stats -d 'Serve a page of statistics'
complete -c distccd -l zeroconf -d 'Announce this volunteer in the local network'
complete -c distccd -l enable-tcp-insecure -d 'Run any program that a client names, not only listed compilers; dangerous'
complete -c distccd -l verbose -d 'The same as --log-level debug'
complete -c distccd -l log-stderr -d 'Log to stderr'
complete -c distccd -l no-detach -d 'Stay with the parent: for systemd and other supervisors'
complete -c distccd -l no-fork -d 'Accepted for compatibility: distccd never forks per client'
complete -c distccd -l no-fifo -d 'Accepted for compatibility'
complete -c distccd -s W -l wizard -d '--log-stderr --daemon --no-detach --no-fork --verbose'
complete -c distccd -l inetd -d 'Serve the one client on standard input and output'
complete -c distccd -l daemon -d 'Listen for clients'
complete -c distccd -l version -d 'Show the version and exit'
complete -c distccd -s h -l help -d 'Print help (see more with \'--help\')'
