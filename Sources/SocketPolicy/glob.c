// Matches names with patterns, as in glob(7), without a locale.

#include <stddef.h>

#include "ConnectionPolicy.h"

// A pattern's byte, taken literally behind a backslash.
static unsigned char literal(const char **glob) {
  if (**glob == '\\' && (*glob)[1]) (*glob)++;
  return (unsigned char)*(*glob)++;
}

// What comes behind the ']' of the set that begins at `glob`; NULL: it does not end, and '[' is
// an ordinary byte.
static const char *set_matches(const char *glob, unsigned char byte, bool *matches) {
  bool inverted = *glob == '!' || *glob == '^', found = false;
  if (inverted) glob++;
  for (const char *begin = glob; *glob && (*glob != ']' || glob == begin);) {
    unsigned char low = literal(&glob), high = low;
    if (*glob == '-' && glob[1] && glob[1] != ']') {
      glob++;
      high = literal(&glob);
    }
    if (low <= byte && byte <= high) found = true;
  }
  *matches = found != inverted;
  return *glob ? glob + 1 : NULL;
}

// Moves behind what stands for one byte, if it stands for this one.
static bool one_matches(const char **glob, unsigned char byte) {
  bool matches;
  if (**glob == '[') {
    const char *behind = set_matches(*glob + 1, byte, &matches);
    if (behind && matches) *glob = behind;
    if (behind) return matches;
  }
  if (**glob == '?') {
    (*glob)++;
    return true;
  }
  const char *next = *glob;
  matches = *next && literal(&next) == byte;
  if (matches) *glob = next;
  return matches;
}

bool mptcpize_glob_matches(const char *glob, const char *name) {
  // Where to go on if what follows the last '*' does not match: that '*' takes one byte more.
  const char *star = NULL, *retry = NULL;
  while (*name) {
    if (*glob == '*') {
      star = ++glob;
      retry = name;
    } else if (one_matches(&glob, (unsigned char)*name)) {
      name++;
    } else if (star) {
      glob = star;
      name = ++retry;
    } else {
      return false;
    }
  }
  while (*glob == '*') glob++;
  return !*glob;
}
