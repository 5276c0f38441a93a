#define _GNU_SOURCE
#include <sched.h>

#include "CLinux.h"

int clinux_new_network_namespace(void) { return unshare(CLONE_NEWNET); }

int clinux_enter_network_namespace(int namespace) { return setns(namespace, CLONE_NEWNET); }
