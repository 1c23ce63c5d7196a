// cost PORT OTHER CHUNKS DIVISOR: what a few system calls take, in ns a round, in as many chunks of each kind. One line a kind:
// its name, then the chunks. PORT is the watched one, OTHER is not. Rounds are fewer by DIVISOR, for tracers that stop each call.
//
// In a network namespace of its own, so that nobody else has the ports, and on the last CPU that it may use: who reads what a
// tracer tells is put on the others.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in watched, other;
// Not the program itself, which may lie on a file system over the network.
static const char *file = "/etc/passwd";

static void die(const char *what) {
  fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int server(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (bind(fd, (const struct sockaddr *)address, sizeof *address)) die("bind");
  if (listen(fd, 8)) die("listen");
  return fd;
}

// Not getppid(): a C library may answer by itself.
static void null_call(void) { syscall(SYS_getppid); }

static void open_close(void) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(file);
  close(fd);
}

static void other_port(void) { close(server(&other)); }

static void watched_port(void) { close(server(&watched)); }

static void refused(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (!bind(fd, (struct sockaddr *)&watched, sizeof watched) || errno != EADDRINUSE) die("a bind that was to be refused");
  close(fd);
}

static double nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e9 + now.tv_nsec;
}

static void measure(const char *name, void (*round)(void), int rounds, int chunks) {
  printf("%s", name);
  // The first chunk warms caches up and is not told.
  for (int chunk = -1; chunk < chunks; chunk++) {
    double start = nanoseconds();
    for (int i = 0; i < rounds; i++) round();
    if (chunk >= 0) printf(" %.1f", (nanoseconds() - start) / rounds);
  }
  printf("\n");
  fflush(stdout);
}

static struct sockaddr_in any(const char *port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_ANY)};
}

static void use_last_cpu(void) {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus)) die("sched_getaffinity");
  int last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(last, &cpus)) last--;
  CPU_ZERO(&cpus);
  CPU_SET(last, &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus)) die("sched_setaffinity");
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: cost PORT OTHER CHUNKS DIVISOR\n");
    return 2;
  }
  watched = any(argv[1]);
  other = any(argv[2]);
  int chunks = atoi(argv[3]), divisor = atoi(argv[4]);
  if (unshare(CLONE_NEWNET)) die("unshare");
  use_last_cpu();
  measure("getppid", null_call, 20000 / divisor, chunks);
  measure("open+close", open_close, 2000 / divisor, chunks);
  measure("other-port", other_port, 500 / divisor, chunks);
  measure("watched-port", watched_port, 200 / divisor, chunks);
  int blocker = server(&watched);
  measure("refused", refused, 200 / divisor, chunks);
  close(blocker);
  return 0;
}
