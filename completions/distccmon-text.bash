# bash completion for distccmon-text(1).

complete -W '--help --version 1 2 5 10' distccmon-text
