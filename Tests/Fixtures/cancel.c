// Cancels threads that wait in accept and accept4: cancellation points have to stay such,
// and cleanup handlers have to run.

#define _GNU_SOURCE
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener, cleaned, with_flags;
static volatile int waiting;  // the waiting thread's number

static void cleanup(void *unused) {
  (void)unused;
  cleaned++;
}

static void *wait_for_ever(void *unused) {
  pthread_cleanup_push(cleanup, unused);
  waiting = gettid();
  if (with_flags) {
    accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  } else {
    accept(listener, NULL, NULL);
  }
  pthread_cleanup_pop(0);
  return NULL;
}

static int sleeps(int thread) {
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
  FILE *file = fopen(path, "r");
  if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
  if (file) fclose(file);
  return state == 'S';
}

int main(void) {
  listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in any = {.sin_family = AF_INET};
  bind(listener, (struct sockaddr *)&any, sizeof any);
  listen(listener, 1);
  int cancelled = 0;
  for (with_flags = 0; with_flags < 2; with_flags++) {
    pthread_t thread;
    void *result;
    waiting = 0;
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    while (!waiting || !sleeps(waiting)) continue;
    pthread_cancel(thread);
    pthread_join(thread, &result);
    cancelled += result == PTHREAD_CANCELED;
  }
  printf("cancelled %d cleaned up %d\n", cancelled, cleaned);
  return 0;
}
