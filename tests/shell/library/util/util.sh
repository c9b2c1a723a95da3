# What makepkg offers besides.
have_function() { declare -f "$1" >/dev/null; }
