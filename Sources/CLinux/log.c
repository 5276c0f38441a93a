#define _GNU_SOURCE
#include <syslog.h>

#include "CLinux.h"

void clinux_log_warning(const char *program, const char *text) {
  openlog(program, LOG_PID, LOG_DAEMON);
  syslog(LOG_WARNING, "%s", text);
  closelog();
}
