
# The program of `mptcpize run` and its arguments are completed as they would be without
# mptcpize: behind its own options, nothing is mptcpize's any more.
function __mptcpize_parse_run -S
    set -l option_specs $argv
    set -a commands $unparsed_tokens[1]
    set -e unparsed_tokens[1]
    set positional_index 1
    # Fails where the word to be completed is an option's value.
    argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null; or return
    set program_tokens $argv
    if test (count $program_tokens) -gt 0
        set -a commands program
    end
    for non_repeating_flag_or_option in $non_repeating_flags_or_options
        if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
            set non_repeating_flags_or_options_absent 1
            break
        end
    end
end

function __mptcpize_completes_program
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __mptcpize_parse_tokens
    string match -qr -- '^mptcpize run( program)?$' "$commands"
end

function __mptcpize_complete_program
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    set -l program_tokens
    __mptcpize_parse_tokens
    set -l line (string join ' ' -- (string escape -- $program_tokens) (commandline -ct))
    complete --do-complete="$line"
end

complete -c 'mptcpize' -n __mptcpize_completes_program -a '(__mptcpize_complete_program)'
