_distcc__setup() {
    local i cur prev opts cmd
    COMPREPLY=()
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        cur="$2"
    else
        cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    prev="$3"
    cmd=""
    opts=""

    for i in "${COMP_WORDS[@]:0:COMP_CWORD}"
    do
        case "${cmd},${i}" in
            ",$1")
                cmd="distcc__setup"
                ;;
            distcc__setup,check)
                cmd="distcc__setup__subcmd__check"
                ;;
            distcc__setup,chroot)
                cmd="distcc__setup__subcmd__chroot"
                ;;
            distcc__setup,completions)
                cmd="distcc__setup__subcmd__completions"
                ;;
            distcc__setup,configure)
                cmd="distcc__setup__subcmd__configure"
                ;;
            distcc__setup,doctor)
                cmd="distcc__setup__subcmd__doctor"
                ;;
            distcc__setup,hosts)
                cmd="distcc__setup__subcmd__hosts"
                ;;
            distcc__setup,lint)
                cmd="distcc__setup__subcmd__check"
                ;;
            distcc__setup,march)
                cmd="distcc__setup__subcmd__march"
                ;;
            distcc__setup,report)
                cmd="distcc__setup__subcmd__report"
                ;;
            distcc__setup,try)
                cmd="distcc__setup__subcmd__try"
                ;;
            distcc__setup,undo)
                cmd="distcc__setup__subcmd__undo"
                ;;
            distcc__setup,volunteer)
                cmd="distcc__setup__subcmd__volunteer"
                ;;
            distcc__setup__subcmd__chroot,check)
                cmd="distcc__setup__subcmd__chroot__subcmd__check"
                ;;
            distcc__setup__subcmd__chroot,disable)
                cmd="distcc__setup__subcmd__chroot__subcmd__disable"
                ;;
            distcc__setup__subcmd__chroot,enable)
                cmd="distcc__setup__subcmd__chroot__subcmd__enable"
                ;;
            distcc__setup__subcmd__chroot,status)
                cmd="distcc__setup__subcmd__chroot__subcmd__status"
                ;;
            *)
                ;;
        esac
    done

    case "${cmd}" in
        distcc__setup)
            opts="-h -V --help --version configure undo check lint hosts doctor volunteer chroot march report completions try"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 1 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__check)
            opts="-h --config --chroot --pkgbuild --offline --format --strict --only --explain --list --hook --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --pkgbuild)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "text line json sarif" -- "${cur}"))
                    return 0
                    ;;
                --only)
                    COMPREPLY=($(compgen -W "config-missing config-crlf config-syntax config-last-command config-exits config-endless config-prints config-local drop-ins-empty drop-ins-unread user-file-unread distcc-banned distcc-absent buildenv-no-array buildenv-unknown-word hosts-unset hosts-empty hosts-array hosts-malformed hosts-odd hosts-limit-first hosts-duplicate hosts-order hosts-localhost-first hosts-localhost-missing hosts-only-local hosts-no-limit hosts-by-name hosts-public hosts-port hosts-two-ports makeflags-missing makeflags-invalid makeflags-low makeflags-high makeflags-unlimited makeflags-in-chroot environment-loses nproc-farm march-native rust-native flags-stay lto-plain ccache-missing ccache-order ccache-prefix sccache-too client-missing client-missing-on-host chroot-lost chroot-client-older chroot-copy-stale farm-missing farm-incomplete farm-stale farm-foreign farm-not-first variable-not-exported state-missing state-not-shared state-slow state-full home-unset service-stopped service-path service-local-only service-toolchain service-twice service-stats service-port package-distcc-off package-makeflags package-buildflags package-native package-compiler package-jobs package-ninja volunteer-name volunteer-down volunteer-firewalled volunteer-refuses volunteer-toolchain volunteer-compiler lto-compiler-differs volunteer-compiler-missing volunteer-disk-full volunteer-slow volunteer-odd settings-malformed settings-unknown-rule settings-differ" -- "${cur}"))
                    return 0
                    ;;
                --explain)
                    COMPREPLY=($(compgen -W "config-missing config-crlf config-syntax config-last-command config-exits config-endless config-prints config-local drop-ins-empty drop-ins-unread user-file-unread distcc-banned distcc-absent buildenv-no-array buildenv-unknown-word hosts-unset hosts-empty hosts-array hosts-malformed hosts-odd hosts-limit-first hosts-duplicate hosts-order hosts-localhost-first hosts-localhost-missing hosts-only-local hosts-no-limit hosts-by-name hosts-public hosts-port hosts-two-ports makeflags-missing makeflags-invalid makeflags-low makeflags-high makeflags-unlimited makeflags-in-chroot environment-loses nproc-farm march-native rust-native flags-stay lto-plain ccache-missing ccache-order ccache-prefix sccache-too client-missing client-missing-on-host chroot-lost chroot-client-older chroot-copy-stale farm-missing farm-incomplete farm-stale farm-foreign farm-not-first variable-not-exported state-missing state-not-shared state-slow state-full home-unset service-stopped service-path service-local-only service-toolchain service-twice service-stats service-port package-distcc-off package-makeflags package-buildflags package-native package-compiler package-jobs package-ninja volunteer-name volunteer-down volunteer-firewalled volunteer-refuses volunteer-toolchain volunteer-compiler lto-compiler-differs volunteer-compiler-missing volunteer-disk-full volunteer-slow volunteer-odd settings-malformed settings-unknown-rule settings-differ" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__chroot)
            opts="-h --help enable disable status check"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__chroot__subcmd__check)
            opts="-h --offline --format --strict --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --format)
                    COMPREPLY=($(compgen -W "text line json sarif" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__chroot__subcmd__disable)
            opts="-n -y -h --force --dry-run --yes --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__chroot__subcmd__enable)
            opts="-j -4 -6 -n -y -h --hosts --jobs --ipv4 --ipv6 --package --dry-run --yes --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --hosts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -j)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --package)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__chroot__subcmd__status)
            opts="-h --json --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 3 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__completions)
            opts="-h --help bash zsh fish distcc distccd distcc-setup update-distcc-symlinks"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__configure)
            opts="-j -n -y -h --hosts --client-of --offline --jobs --march --in-place --drop-in --config --chroot --user --file --overrides --dry-run --yes --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --hosts)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --client-of)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -j)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --march)
                    COMPREPLY=($(compgen -W "keep replace" -- "${cur}"))
                    return 0
                    ;;
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__doctor)
            opts="-t -h --config --chroot --compiler --timeout --stats-port --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --compiler)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --stats-port)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "text json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__hosts)
            opts="-t -y -h --config --chroot --compiler --timeout --stats-port --discover --write --configure --yes --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --compiler)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --timeout)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -t)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --stats-port)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "text json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__march)
            opts="-h --for --compiler --minimal --format --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --for)
                    COMPREPLY=($(compgen -W "gcc clang" -- "${cur}"))
                    return 0
                    ;;
                --compiler)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --format)
                    COMPREPLY=($(compgen -W "flags json" -- "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__report)
            opts="-h --since --last-build --line --json --html --mark --dir --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --since)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --last-build)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --html)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --mark)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__try)
            opts="-n -j -k -h --volunteers --jobs --lzo --pump --keep --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --volunteers)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -n)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                -j)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__undo)
            opts="-n -h --config --chroot --user --file --all --force --dry-run --list --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --config)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --chroot)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
        distcc__setup__subcmd__volunteer)
            opts="-y -h --target --toolchain --one-port --list-targets --allow --allow-private --allow-attached --listen --port --jobs --nice --log-file --log-level --temp-dir --announce --stats --apply-firewall --no-start --dry-run --yes --root --help"
            if [[ ${cur} == -* || ${COMP_CWORD} -eq 2 ]] ; then
                COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
                return 0
            fi
            case "${prev}" in
                --target)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --toolchain)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --allow)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --listen)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --port)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --jobs)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --nice)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --log-file)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --log-level)
                    COMPREPLY=($(compgen -W "critical error warning notice info debug" -- "${cur}"))
                    return 0
                    ;;
                --temp-dir)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                --root)
                    COMPREPLY=($(compgen -f "${cur}"))
                    return 0
                    ;;
                *)
                    COMPREPLY=()
                    ;;
            esac
            COMPREPLY=( $(compgen -W "${opts}" -- "${cur}") )
            return 0
            ;;
    esac
}

if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _distcc__setup -o nosort -o bashdefault -o default distcc-setup
else
    complete -F _distcc__setup -o bashdefault -o default distcc-setup
fi
