# What makepkg offers for messages, without colours.
plain() { ((QUIET)) || printf "    $1\n" "${@:2}"; }
plainerr() { plain "$@" >&2; }
msg() { ((QUIET)) || printf "==> $1\n" "${@:2}"; }
msg2() { ((QUIET)) || printf "  -> $1\n" "${@:2}"; }
warning() { printf "==> WARNING: $1\n" "${@:2}" >&2; }
error() { printf "==> ERROR: $1\n" "${@:2}" >&2; }
