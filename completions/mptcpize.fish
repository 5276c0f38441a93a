function __mptcpize_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __mptcpize_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __mptcpize_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __mptcpize_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __mptcpize_parse_tokens -S
    set -l unparsed_tokens (__mptcpize_tokens -pc)
    switch $unparsed_tokens[1]
    case 'mptcpize'
        __mptcpize_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'run'
            __mptcpize_parse_run 'd/debug' 'report' 'json' 'o/output=' 'mode=' 'strict' 'protocol-as-tcp' 'policy=' 'rule=+' 'keep-tcp' 'version' 'h/help'
        case 'enable'
            __mptcpize_parse_subcommand -r 1 'user' 'now' 'runtime' 'allow-partial' 'dry-run' 'json' 'mode=' 'protocol-as-tcp' 'policy=' 'rule=+' 'keep-tcp' 'version' 'h/help'
        case 'disable'
            __mptcpize_parse_subcommand -r 1 'user' 'now' 'all' 'json' 'version' 'h/help'
        case 'status'
            __mptcpize_parse_subcommand -r 1 'user' 'json' 'version' 'h/help'
        case 'bpf'
            __mptcpize_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'attach'
                __mptcpize_parse_subcommand 0 'cgroup=+' 'unit=+' 'pid=+' 'debug' 'oci' 'policy=' 'rule=+' 'keep-tcp' 'json' 'version' 'h/help'
            case 'detach'
                __mptcpize_parse_subcommand 0 'cgroup=+' 'unit=+' 'pid=+' 'debug' 'all' 'gone' 'json' 'version' 'h/help'
            case 'list'
                __mptcpize_parse_subcommand 0 'json' 'version' 'h/help'
            end
        case 'sockets'
            __mptcpize_parse_subcommand 1 'pid=' 'unit=' 'cgroup=' 'program=' 'netns=' 'listening' 'all' 'v/verbose' 'watch' 'json' 'version' 'h/help'
        case 'check'
            __mptcpize_parse_subcommand 1 'probe=' 'serve' 'count=' 'options' 'json' 'version' 'h/help'
        case 'policy'
            __mptcpize_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'list'
                __mptcpize_parse_subcommand 0 'policy=' 'rule=+' 'keep-tcp' 'json' 'version' 'h/help'
            case 'check'
                __mptcpize_parse_subcommand 3 'program=' 'unit=' 'policy=' 'rule=+' 'keep-tcp' 'json' 'version' 'h/help'
            case 'apply'
                __mptcpize_parse_subcommand 0 'cgroup=' 'unit=' 'policy=' 'rule=+' 'keep-tcp' 'runtime' 'version' 'h/help'
            case 'remove'
                __mptcpize_parse_subcommand 0 'cgroup=' 'unit=' 'all' 'runtime' 'version' 'h/help'
            case 'export'
                __mptcpize_parse_subcommand 0 'cgroup=' 'unit=' 'policy=' 'rule=+' 'keep-tcp' 'version' 'h/help'
            end
        case 'metrics'
            __mptcpize_parse_subcommand 0 'output=' 'http' 'version' 'h/help'
        case 'events'
            __mptcpize_parse_subcommand 0 'json' 'version' 'h/help'
        case 'help'
            __mptcpize_parse_subcommand -r 1 'version'
        end
    end
end

function __mptcpize_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __mptcpize_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __mptcpize_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __mptcpize_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__mptcpize_tokens -p)
    if test -z "$(__mptcpize_tokens -t)"
        set -l index (count (__mptcpize_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'mptcpize' -f
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'run' -d 'Run a program whose TCP sockets become MPTCP where possible.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'enable' -d 'Put systemd units under MPTCP until they are disabled.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'disable' -d 'Undo what enable did to systemd units.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'status' -d 'Show the enabled systemd units, their processes and their sockets.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'bpf' -d 'Have the kernel use MPTCP for every program in a cgroup (Linux 6.6 or newer).'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'sockets' -d 'List MPTCP sockets: their programs, paths, bytes, and whether they fell back.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'check' -d 'Find out what prevents MPTCP here, and what to do about it.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'policy' -d 'Show and try the rules that keep sockets TCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'metrics' -d 'Print metrics of this host\'s MPTCP in OpenMetrics format.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'events' -d 'Print a line whenever an MPTCP connection begins, changes or ends.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" d debug' -l 'debug' -s 'd' -d 'Print on standard error what each socket becomes, as it happens.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" report' -l 'report' -d 'Print a report of all sockets on standard error when the program has ended.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" json' -l 'json' -d 'Print the report as JSON; implies --report.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" o output' -l 'output' -s 'o' -d 'Write the report to a file; implies --report.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" mode' -l 'mode' -d 'How to reach the program\'s sockets: auto, preload, bpf or seccomp.' -rfka 'auto preload bpf seccomp'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" strict' -l 'strict' -d 'Do not mend socket options: tell the program what the kernel refuses.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" protocol-as-tcp' -l 'protocol-as-tcp' -d 'Answer TCP when the program asks a socket for its protocol (SO_PROTOCOL).'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" user' -l 'user' -d 'Units of your own systemd instead of the system\'s.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" now' -l 'now' -d 'Restart running units, and check that they were reached.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" runtime' -l 'runtime' -d 'Until the next boot only.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" allow-partial' -l 'allow-partial' -d 'With --now, keep the change even if a part of a unit is not reached.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" dry-run' -l 'dry-run' -d 'Change nothing; show what would be written where, or what would change (--json).'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" mode' -l 'mode' -d 'How to make a service\'s sockets MPTCP: preload, or bpf (Linux 6.6 or newer).' -rfka 'preload bpf'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" protocol-as-tcp' -l 'protocol-as-tcp' -d 'Answer TCP to services that ask a socket for its protocol (see `mptcpize run`).'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize enable" -ge 1' -fka '(__mptcpize_custom_completion ---completion enable -- positional@0 (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize enable" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" user' -l 'user' -d 'Units of your own systemd instead of the system\'s.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" now' -l 'now' -d 'Restart running units.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" all' -l 'all' -d 'All enabled units.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize disable" -ge 1' -fka '(__mptcpize_custom_completion ---completion disable -- positional@0 (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize disable" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize status" user' -l 'user' -d 'Units of your own systemd instead of the system\'s.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize status" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize status" -ge 1' -fka '(__mptcpize_custom_completion ---completion status -- positional@0 (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize status" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize bpf" -eq 1' -fa 'attach' -d 'Make new sockets MPTCP in cgroups and in all cgroups below them.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize bpf" -eq 1' -fa 'detach' -d 'Stop making new sockets of cgroups MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize bpf" -eq 1' -fa 'list' -d 'Show the attached cgroups and what became of their sockets.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach"' -l 'cgroup' -d 'A cgroup\'s directory.' -rfka '(__mptcpize_custom_completion ---completion bpf attach -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach"' -l 'unit' -d 'The cgroup of a running systemd unit.' -rfka '(__mptcpize_custom_completion ---completion bpf attach -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach"' -l 'pid' -d 'The cgroup that a process is in.' -rfka '(__mptcpize_custom_completion ---completion bpf attach -- --pid (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" debug' -l 'debug' -d 'Show the messages of libbpf and of the kernel\'s verifier.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" oci' -l 'oci' -d 'Run as a hook of a container runtime: attach the container whose state is on standard input. Never fails.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf attach" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach"' -l 'cgroup' -d 'A cgroup\'s directory.' -rfka '(__mptcpize_custom_completion ---completion bpf detach -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach"' -l 'unit' -d 'The cgroup of a running systemd unit.' -rfka '(__mptcpize_custom_completion ---completion bpf detach -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach"' -l 'pid' -d 'The cgroup that a process is in.' -rfka '(__mptcpize_custom_completion ---completion bpf detach -- --pid (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" debug' -l 'debug' -d 'Show the messages of libbpf and of the kernel\'s verifier.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" all' -l 'all' -d 'All cgroups, also those that another version of mptcpize attached.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" gone' -l 'gone' -d 'The cgroups that `bpf list` shows as gone.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" json' -l 'json' -d 'Write one JSON document. A cgroup that is not attached is then no failure.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf detach" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf list" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf list" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize bpf list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" pid' -l 'pid' -d 'Only sockets of this process.' -rfka '(__mptcpize_custom_completion ---completion sockets -- --pid (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" unit' -l 'unit' -d 'Only sockets of this running systemd unit.' -rfka '(__mptcpize_custom_completion ---completion sockets -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" cgroup' -l 'cgroup' -d 'Only sockets of the processes in this cgroup.' -rfka '(__mptcpize_custom_completion ---completion sockets -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" program' -l 'program' -d 'Only sockets of programs with this name.' -rfka '(__mptcpize_custom_completion ---completion sockets -- --program (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" netns' -l 'netns' -d 'Look into this network namespace instead of the selected processes\' own: a name of `ip netns`, a process in it, or `all`.' -rfka '(__mptcpize_custom_completion ---completion sockets -- --netns (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" listening' -l 'listening' -d 'Show listeners instead of connections.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" all' -l 'all' -d 'Show listeners and connections.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" v verbose' -l 'verbose' -s 'v' -d 'Show a line for each subflow.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" watch' -l 'watch' -d 'Redraw until interrupted, and show rates.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" json' -l 'json' -d 'Write one JSON document; with --watch, one document per line.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize sockets" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" probe' -l 'probe' -d 'Connect to a peer, and tell whether it speaks MPTCP and over how many paths. This sends an empty line. If the peer is `check --serve`, also test each path alone.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" serve' -l 'serve' -d 'Answer --probe of another host, on ADDRESS:PORT (or 127.0.0.1:10263), until Ctrl-C.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" count' -l 'count' -d 'End after this number of checks.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" options' -l 'options' -d 'List the socket options that MPTCP may refuse, with this kernel\'s answers.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize check" -eq 1' -fka '(__mptcpize_custom_completion ---completion check -- positional@0 (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize check" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy" -eq 1' -fa 'list' -d 'Print the rules in force, in their order, with file and line.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy" -eq 1' -fa 'check' -d 'Show which rule decides on a connection or a listener.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy" -eq 1' -fa 'apply' -d 'Load the rules into the kernel, with nftables.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy" -eq 1' -fa 'remove' -d 'Remove the rules from the kernel.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy" -eq 1' -fa 'export' -d 'Print what apply would load, as an nftables ruleset.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" program' -l 'program' -d 'The file name of the program.' -rfka '(__mptcpize_custom_completion ---completion policy check -- --program (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" unit' -l 'unit' -d 'Use the rules of an enabled unit.' -rfka '(__mptcpize_custom_completion ---completion policy check -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" json' -l 'json' -d 'Write one JSON document.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_positional "mptcpize policy check" -eq 1' -fka 'connect listen'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy check" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" cgroup' -l 'cgroup' -d 'Only the sockets of a cgroup.' -rfka '(__mptcpize_custom_completion ---completion policy apply -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" unit' -l 'unit' -d 'Only the sockets of a systemd unit.' -rfka '(__mptcpize_custom_completion ---completion policy apply -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" runtime' -l 'runtime' -d 'Until the next boot only.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy apply" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" cgroup' -l 'cgroup' -d 'Only the sockets of a cgroup.' -rfka '(__mptcpize_custom_completion ---completion policy remove -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" unit' -l 'unit' -d 'Only the sockets of a systemd unit.' -rfka '(__mptcpize_custom_completion ---completion policy remove -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" all' -l 'all' -d 'Also the rules of all cgroups and units, even if nft is missing.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" runtime' -l 'runtime' -d 'Keep the files that load the rules again at boot or when the unit starts.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" cgroup' -l 'cgroup' -d 'Only the sockets of a cgroup.' -rfka '(__mptcpize_custom_completion ---completion policy export -- --cgroup (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" unit' -l 'unit' -d 'Only the sockets of a systemd unit.' -rfka '(__mptcpize_custom_completion ---completion policy export -- --unit (count (__mptcpize_tokens -pc)) (__mptcpize_tokens -tC))'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" policy' -l 'policy' -d 'Read the rules from this file instead of /etc/mptcpize; or none.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export"' -l 'rule' -d 'A rule to apply before those of files: \'tcp connect loopback *\'. Can be repeated.' -rfka ''
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" keep-tcp' -l 'keep-tcp' -d 'Keep all sockets TCP, also those that the program itself makes MPTCP.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize policy export" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize metrics" output' -l 'output' -d 'Replace this file in one step instead of printing, for node_exporter\'s textfile collector.' -rF
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize metrics" http' -l 'http' -d 'Answer one HTTP request on standard input and output. The socket unit uses this.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize metrics" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize metrics" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize events" json' -l 'json' -d 'Write one JSON document per line.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize events" version' -l 'version' -d 'Show the version.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize events" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'mptcpize' -n '__mptcpize_should_offer_completions_for_flags_or_options "mptcpize help" version' -l 'version' -d 'Show the version.'

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
