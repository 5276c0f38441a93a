// Calls one function a number of times, for counting instructions: bench_options CALL TIMES.
// Where the result decides the way through the library, it is the usual one, but for bind.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd, one = 1;
static struct sockaddr_in address;
static socklen_t length = sizeof address;

static void listening(void) {
  address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  bind(fd, (struct sockaddr *)&address, length);
  getsockname(fd, (struct sockaddr *)&address, &length);
  listen(fd, 1);
}

static void nothing(void) {}
static void fresh(void) { fd = socket(AF_INET, SOCK_STREAM, 0); }
static void connected(void) {
  listening();
  fresh();
  connect(fd, (struct sockaddr *)&address, length);
}

// Whose connect succeeds each time.
static void datagrams(void) {
  listening();
  fd = socket(AF_INET, SOCK_DGRAM, 0);
}

static void set_nodelay(void) { setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); }
static void set_keepalive(void) { setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one); }
static void set_keepidle(void) { setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &one, sizeof one); }
static void set_reuseaddr(void) { setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one); }
static void set_reuseport(void) { setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one); }
static void do_connect(void) { connect(fd, (struct sockaddr *)&address, length); }
static void do_listen(void) { listen(fd, 1); }
static void do_accept(void) { accept(fd, NULL, NULL); }
static void do_bind(void) { bind(-1, NULL, 0); }
static void do_accept4(void) { accept4(fd, NULL, NULL, SOCK_CLOEXEC); }
static void do_close(void) { close(-1); }
static void socket_and_close(void) { close(socket(AF_INET, SOCK_STREAM, 0)); }

// Both ends, as a client and a server have it each time.
static void one_connection(void) {
  int client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, (struct sockaddr *)&address, length);
  int server = accept(fd, NULL, NULL);
  close(client);
  close(server);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*prepare)(void), (*call)(void);
  } calls[] = {
      {"TCP_NODELAY", fresh, set_nodelay},
      {"SO_KEEPALIVE", fresh, set_keepalive},
      {"TCP_KEEPIDLE", fresh, set_keepidle},
      {"SO_REUSEADDR", fresh, set_reuseaddr},
      {"SO_REUSEPORT", fresh, set_reuseport},
      {"SO_REUSEADDR beside a connection", connected, set_reuseaddr},
      {"bind", nothing, do_bind},
      {"connect", datagrams, do_connect},
      {"listen", listening, do_listen},
      {"accept", listening, do_accept},
      {"accept4", listening, do_accept4},
      {"close", nothing, do_close},
      {"a connection", listening, one_connection},
      {"socket and close", nothing, socket_and_close},
  };
  if (argc < 3) return 2;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    if (strcmp(argv[1], calls[i].name) != 0) continue;
    calls[i].prepare();
    if (strcmp(argv[1], "SO_REUSEADDR beside a connection") == 0) fresh();
    for (int times = atoi(argv[2]); times > 0; times--) calls[i].call();
    return 0;
  }
  return 2;
}
