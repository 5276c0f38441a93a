
# The arguments of the program of `mptcpize run` are completed as they would be without
# mptcpize, with the options that zsh's own completion functions expect.
__mptcpize_program_arguments() {
    setopt localoptions "${_comp_options[@]}"
    _normal
}
