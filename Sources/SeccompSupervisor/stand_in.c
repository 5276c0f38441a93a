// Who answers where nobody is left who could: each call goes on as it is.

#include <poll.h>
#include <unistd.h>

#include "starting.h"

static _Noreturn void stand_in(struct server *server) {
  watch_settle(&server->listener, 1);
  if (!server_prepare(server)) _exit(1);
  server_abandon(server);
  for (;;) {
    struct pollfd polled = {server->listener, POLLIN, 0};
    if (poll(&polled, 1, -1) < 0) continue;
    if (!(polled.revents & POLLIN)) _exit(0);  // no task has the filter any more
    server_let_go(server);
  }
}

void seccomp_supervisor_stand_in(int listener, void *memory) {
  static bool is_there;
  if (is_there || listener < 0) return;
  is_there = true;
  struct server server = {.shared = memory, .listener = listener};
  pid_t child = fork();
  if (child == 0) stand_in(&server);
  close(listener);
}
