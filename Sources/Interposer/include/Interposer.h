// The preload library has no interface but the functions it interposes.
