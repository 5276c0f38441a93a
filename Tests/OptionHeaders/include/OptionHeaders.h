// The option numbers of the kernel's own headers, as far as the building machine's know them.

#ifndef MPTCPIZE_OPTION_HEADERS_H
#define MPTCPIZE_OPTION_HEADERS_H

/// The number that the headers give to an option of a level, or -1.
int option_header_number(int level, const char *name);

#endif
