// long_path CLIENT SERVER MILLISECONDS
// Joins two network namespaces by a path of so long a round trip: a tun device, path0, in each, and
// this program between them, which holds each packet for half of it. Says "ready" once both are
// there. In user space, since few kernels have netem.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

// Packets that are on their way at once, at most: 64 MB of 1500 bytes. What comes besides is lost.
enum { MOST = 1 << 15, LARGEST = 1600 };

struct packet {
  double due;  // seconds
  ssize_t length;
  char bytes[LARGEST];
};

struct direction {
  int from, to;
  unsigned first, next;  // ever counted; modulo MOST
  struct packet *packets;
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int device_in(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || setns(file, CLONE_NEWNET) != 0) fail(path);
  close(file);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_name = "path0", .ifr_flags = IFF_TUN | IFF_NO_PI};
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
  return device;
}

static void take(struct direction *way, double delay) {
  struct packet *packet = &way->packets[way->next % MOST];
  while (way->next - way->first < MOST &&
         (packet->length = read(way->from, packet->bytes, LARGEST)) > 0) {
    packet->due = now() + delay;
    packet = &way->packets[++way->next % MOST];
  }
}

static void give(struct direction *way) {
  for (double time = now(); way->first != way->next; way->first++) {
    struct packet *packet = &way->packets[way->first % MOST];
    if (packet->due > time) return;
    if (write(way->to, packet->bytes, (size_t)packet->length) < 0)
      continue;  // lost, as on any path
  }
}

int main(int count, char **words) {
  if (count != 4) return 64;
  double delay = strtod(words[3], NULL) / 2000;
  int client = device_in(words[1]), server = device_in(words[2]);
  struct direction ways[] = {{client, server, 0, 0, calloc(MOST, sizeof(struct packet))},
                             {server, client, 0, 0, calloc(MOST, sizeof(struct packet))}};
  if (!ways[0].packets || !ways[1].packets) fail("memory");
  puts("ready");
  fflush(stdout);
  for (;;) {
    bool waits = false;
    for (int i = 0; i < 2; i++) {
      take(&ways[i], delay);
      give(&ways[i]);
      waits |= ways[i].first != ways[i].next;
    }
    struct pollfd ready[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    struct timespec while_waiting = {0, 300000};
    ppoll(ready, 2, waits ? &while_waiting : NULL, NULL);
  }
}
