
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
