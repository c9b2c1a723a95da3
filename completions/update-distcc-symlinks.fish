complete -c update-distcc-symlinks -l prefix -d 'Where compilers, distcc and the directories are' -r -F
complete -c update-distcc-symlinks -l root -d 'Take DIR for the root directory (packaging, chroots)' -r -F
complete -c update-distcc-symlinks -l dry-run -d 'Print what would be linked and removed, and change nothing'
complete -c update-distcc-symlinks -l list -d 'Print the names of the compilers found, and change nothing'
complete -c update-distcc-symlinks -s h -l help -d 'Print help'
complete -c update-distcc-symlinks -s V -l version -d 'Print version'
