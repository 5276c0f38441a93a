# shellcheck shell=bash disable=all

__mptcpize_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__mptcpize_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        COMPREPLY+=($(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}"))
    fi
}

__mptcpize_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__mptcpize_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_mptcpize() {
    local state
    state="$(shopt -p;shopt -po)"
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __mptcpize_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    run|enable|disable|status|bpf|sockets|check|policy|metrics|events|help)
        # Offer subcommand argument completions
        "_mptcpize_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'run enable disable status bpf sockets check policy metrics events help' -- "${cur}"))
        ;;
    esac
}

_mptcpize_run() {
    repeating_flags=()
    non_repeating_flags=(--debug -d --report --json --strict --protocol-as-tcp --keep-tcp --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--output -o --mode --policy)
    __mptcpize_complete_program && return
    __mptcpize_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--output'|'-o')
        __mptcpize_add_completions -f
        return
        ;;
    '--mode')
        __mptcpize_add_completions -W 'auto'$'\n''preload'$'\n''bpf'$'\n''seccomp'
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac
}

_mptcpize_enable() {
    repeating_flags=()
    non_repeating_flags=(--user --now --runtime --allow-partial --dry-run --json --protocol-as-tcp --keep-tcp --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--mode --policy)
    __mptcpize_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--mode')
        __mptcpize_add_completions -W 'preload'$'\n''bpf'
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    *)
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion enable -- positional@0 "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_disable() {
    repeating_flags=()
    non_repeating_flags=(--user --now --all --json --version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion disable -- positional@0 "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_status() {
    repeating_flags=()
    non_repeating_flags=(--user --json --version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options -1

    # Offer positional completions
    case "${positional_number}" in
    *)
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion status -- positional@0 "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_bpf() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    attach|detach|list)
        # Offer subcommand argument completions
        "_mptcpize_bpf_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'attach detach list' -- "${cur}"))
        ;;
    esac
}

_mptcpize_bpf_attach() {
    repeating_flags=()
    non_repeating_flags=(--debug --oci --keep-tcp --json --version -h --help)
    repeating_options=(--cgroup --unit --pid --rule)
    non_repeating_options=(--policy)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf attach -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf attach -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--pid')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf attach -- --pid "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac
}

_mptcpize_bpf_detach() {
    repeating_flags=()
    non_repeating_flags=(--debug --all --gone --json --version -h --help)
    repeating_options=(--cgroup --unit --pid)
    non_repeating_options=()
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf detach -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf detach -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--pid')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion bpf detach -- --pid "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_bpf_list() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options 0
}

_mptcpize_sockets() {
    repeating_flags=()
    non_repeating_flags=(--listening --all --verbose -v --watch --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--pid --unit --cgroup --program --netns)
    __mptcpize_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--pid')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion sockets -- --pid "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion sockets -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion sockets -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--program')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion sockets -- --program "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--netns')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion sockets -- --netns "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_check() {
    repeating_flags=()
    non_repeating_flags=(--serve --options --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--probe --count)
    __mptcpize_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--probe')
        return
        ;;
    '--count')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion check -- positional@0 "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_policy() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    list|check|apply|remove|export)
        # Offer subcommand argument completions
        "_mptcpize_policy_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        COMPREPLY+=($(compgen -W 'list check apply remove export' -- "${cur}"))
        ;;
    esac
}

_mptcpize_policy_list() {
    repeating_flags=()
    non_repeating_flags=(--keep-tcp --json --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--policy)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac
}

_mptcpize_policy_check() {
    repeating_flags=()
    non_repeating_flags=(--keep-tcp --json --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--program --unit --policy)
    __mptcpize_offer_flags_options 3

    # Offer option value completions
    case "${prev}" in
    '--program')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy check -- --program "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy check -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __mptcpize_add_completions -W 'connect'$'\n''listen'
        return
        ;;
    esac
}

_mptcpize_policy_apply() {
    repeating_flags=()
    non_repeating_flags=(--keep-tcp --runtime --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--cgroup --unit --policy)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy apply -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy apply -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac
}

_mptcpize_policy_remove() {
    repeating_flags=()
    non_repeating_flags=(--all --runtime --version -h --help)
    repeating_options=()
    non_repeating_options=(--cgroup --unit)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy remove -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy remove -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    esac
}

_mptcpize_policy_export() {
    repeating_flags=()
    non_repeating_flags=(--keep-tcp --version -h --help)
    repeating_options=(--rule)
    non_repeating_options=(--cgroup --unit --policy)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--cgroup')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy export -- --cgroup "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--unit')
        __mptcpize_add_completions -W "$(__mptcpize_custom_complete ---completion policy export -- --unit "${COMP_CWORD}" "$(__mptcpize_cursor_index_in_current_word)")"
        return
        ;;
    '--policy')
        __mptcpize_add_completions -f
        return
        ;;
    '--rule')
        return
        ;;
    esac
}

_mptcpize_metrics() {
    repeating_flags=()
    non_repeating_flags=(--http --version -h --help)
    repeating_options=()
    non_repeating_options=(--output)
    __mptcpize_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--output')
        __mptcpize_add_completions -f
        return
        ;;
    esac
}

_mptcpize_events() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options 0
}

_mptcpize_help() {
    repeating_flags=()
    non_repeating_flags=(--version)
    repeating_options=()
    non_repeating_options=()
    __mptcpize_offer_flags_options -1
}
# The program of `mptcpize run` and its arguments are completed as they would be without
# mptcpize. Succeeds where the word belongs to them. Wants in unparsed_words what follows "run".
__mptcpize_complete_program() {
    local -i first=$((COMP_CWORD - ${#unparsed_words[@]} + 1))
    local -i index=first
    local option
    while ((index < COMP_CWORD)); do
        case "${COMP_WORDS[index]}" in
        --)
            index+=1
            break
            ;;
        -*)
            for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                if [[ "${COMP_WORDS[index]}" = "${option}" ]]; then index+=1; fi
            done
            index+=1
            ;;
        *) break ;;
        esac
    done
    # An option's value, or an option.
    if ((index > COMP_CWORD)); then return 1; fi
    if ((index == COMP_CWORD)) && [[ "${cur}" = -* && "${COMP_WORDS[index - 1]}" != -- ]]; then
        return 1
    fi
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "${index}"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "${index}"
    elif ((index == COMP_CWORD)); then
        __mptcpize_add_completions -c
    else
        __mptcpize_add_completions -f
    fi
    return 0
}

complete -o filenames -F _mptcpize mptcpize
