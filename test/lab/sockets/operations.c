// The sockets of one process, and the system calls on them.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { DEFAULT_BACKLOG = 128 };

unsigned deadline_ms = DEFAULT_DEADLINE_MS;

static struct named {
  char name[NAME_LENGTH];
  int fd;
} sockets[MOST_SOCKETS];
static int count;

static struct named *look_up(const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(sockets[i].name, name) == 0) return &sockets[i];
  return NULL;
}

int find_socket(struct call *call, const char *name) {
  struct named *socket = look_up(name);
  if (!socket) complain(call, "%s has no socket %.40s", own_name, name);
  return socket ? socket->fd : -1;
}

static bool is_free(struct call *call, const char *name) {
  if (!is_name(name))
    complain(call, "a name has 1 to %d of a-z, 0-9 and _, unlike %.40s", NAME_LENGTH - 1, name);
  else if (look_up(name))
    complain(call, "%s already has a socket %s", own_name, name);
  else if (count == MOST_SOCKETS)
    complain(call, "%d sockets are all a process can have", MOST_SOCKETS);
  else
    return true;
  return false;
}

// Answers too, if the descriptor is none.
static bool keep(struct call *call, const char *name, int fd) {
  if (fd < 0) {
    refuse(call);
    return false;
  }
  strcpy(sockets[count].name, name);
  sockets[count++].fd = fd;
  finish(call, true);
  return true;
}

void close_sockets(void) {
  while (count > 0) close(sockets[--count].fd);
}

static void interrupt(int number) { (void)number; }

// SIGALRM interrupts the next call if it waits too long, again and again lest it comes before the call. SO_RCVTIMEO would
// be left on the socket, and an MPTCP listener does not care for it.
static void set_alarm(void) {
  struct timeval limit = {.tv_sec = deadline_ms / 1000, .tv_usec = deadline_ms % 1000 * 1000};
  sigaction(SIGALRM, &(struct sigaction){.sa_handler = interrupt}, NULL);
  setitimer(ITIMER_REAL, &(struct itimerval){.it_value = limit, .it_interval = limit}, NULL);
}

static void clear_alarm(void) {
  int problem = errno;
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  errno = problem;
}

static void tell_local(struct call *call, int fd, bool with_address) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  char address[INET6_ADDRSTRLEN];
  if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) {
    refuse(call);
    return;
  }
  unsigned port = address_text(&local, address);
  if (with_address)
    succeed(call, "address=%s port=%u", address, port);
  else
    succeed(call, "port=%u", port);
}

void run_socket(struct call *call) {
  const char *name = call->words[1], *protocol = call->words[2], *family = call->words[3];
  bool udp = strcmp(protocol, "udp") == 0, mptcp = strcmp(protocol, "mptcp") == 0, v6 = strcmp(family, "6") == 0;
  if (!udp && !mptcp && strcmp(protocol, "tcp") != 0)
    complain(call, "a protocol is tcp, udp or mptcp, not %.40s", protocol);
  else if (!v6 && strcmp(family, "4") != 0)
    complain(call, "a family is 4 or 6, not %.40s", family);
  else if (is_free(call, name))
    keep(call, name, socket(v6 ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, mptcp ? IPPROTO_MPTCP : 0));
}

void run_bind(struct call *call) {
  struct sockaddr_storage address;
  socklen_t length;
  int fd = find_socket(call, call->words[1]);
  if (fd < 0 || !read_address(call, call->words[2], call->words[3], &address, &length)) return;
  if (call->count == 5) {
    if (address.ss_family != AF_INET6) {
      complain(call, "only an IPv6 address has a scope");
      return;
    }
    if (!read_device(call, call->words[4], &((struct sockaddr_in6 *)&address)->sin6_scope_id)) return;
  }
  if (bind(fd, (struct sockaddr *)&address, length) < 0)
    refuse(call);
  else
    tell_local(call, fd, false);
}

void run_listen(struct call *call) {
  unsigned long backlog = DEFAULT_BACKLOG;
  int fd = find_socket(call, call->words[1]);
  if (fd < 0 || (call->count == 3 && !read_number(call, "a backlog", call->words[2], UINT16_MAX, &backlog))) return;
  if (listen(fd, backlog) < 0)
    refuse(call);
  else
    tell_local(call, fd, false);
}

void run_connect(struct call *call) {
  struct sockaddr_storage address;
  socklen_t length;
  int fd = find_socket(call, call->words[1]);
  if (fd < 0 || !read_address(call, call->words[2], call->words[3], &address, &length)) return;
  set_alarm();
  bool connected = connect(fd, (struct sockaddr *)&address, length) == 0;
  clear_alarm();
  if (!connected)
    refuse(call);
  else
    tell_local(call, fd, true);
}

void run_disconnect(struct call *call) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  int fd = find_socket(call, call->words[1]);
  if (fd >= 0) finish(call, connect(fd, &none, sizeof none) == 0);
}

void run_accept(struct call *call) {
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  char address[INET6_ADDRSTRLEN];
  int fd = find_socket(call, call->words[1]);
  if (fd < 0 || !is_free(call, call->words[2])) return;
  set_alarm();
  int accepted = accept(fd, (struct sockaddr *)&peer, &length);
  clear_alarm();
  if (!keep(call, call->words[2], accepted)) return;
  unsigned port = address_text(&peer, address);
  succeed(call, "address=%s port=%u", address, port);
}

void run_shutdown(struct call *call) {
  static const char *const sides[] = {[SHUT_RD] = "rd", [SHUT_WR] = "wr", [SHUT_RDWR] = "rdwr"};
  int fd = find_socket(call, call->words[1]), side = SHUT_RD;
  if (fd < 0) return;
  while (side <= SHUT_RDWR && strcmp(call->words[2], sides[side]) != 0) side++;
  if (side > SHUT_RDWR)
    complain(call, "rd, wr or rdwr can be shut down, not %.40s", call->words[2]);
  else
    finish(call, shutdown(fd, side) == 0);
}

void run_close(struct call *call) {
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  struct named *closed = look_up(call->words[1]);
  *closed = sockets[--count];
  finish(call, close(fd) == 0);
}

void run_dup(struct call *call) {
  int fd = find_socket(call, call->words[1]);
  if (fd >= 0 && is_free(call, call->words[2])) keep(call, call->words[2], dup(fd));
}

// The line goes to both processes: to the second with the descriptor.
void run_pass(struct call *call) {
  if (call->fd >= 0) {
    if (is_free(call, call->words[3])) {
      keep(call, call->words[3], call->fd);
      call->fd = -1;
    }
    return;
  }
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  call->reply->fd = dup(fd);
  finish(call, call->reply->fd >= 0);
}

void run_send(struct call *call) {
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  ssize_t sent = send(fd, call->words[2], strlen(call->words[2]), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0)
    refuse(call);
  else
    succeed(call, "bytes=%zd", sent);
}

void run_recv(struct call *call) {
  char text[LINE_LENGTH / 2 + 1];
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  set_alarm();
  ssize_t got = recv(fd, text, sizeof text - 1, 0);
  clear_alarm();
  if (got < 0) {
    refuse(call);
    return;
  }
  for (ssize_t i = 0; i < got; i++)
    if (text[i] <= ' ' || text[i] > '~') text[i] = '?';
  text[got] = '\0';
  succeed(call, got > 0 ? "bytes=%zd text=%s" : "bytes=%zd", got, text);
}

void run_name(struct call *call) {
  struct sockaddr_storage local, peer;
  socklen_t local_length = sizeof local, peer_length = sizeof peer;
  struct tcp_info info;
  socklen_t info_length = sizeof info;
  struct stat status;
  char address[INET6_ADDRSTRLEN], text[LINE_LENGTH / 2];
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  if (fstat(fd, &status) < 0 || getsockname(fd, (struct sockaddr *)&local, &local_length) < 0) {
    refuse(call);
    return;
  }
  unsigned port = address_text(&local, address);
  int length = snprintf(text, sizeof text, "inode=%ju uid=%u address=%s port=%u", (uintmax_t)status.st_ino, status.st_uid, address, port);
  if (getpeername(fd, (struct sockaddr *)&peer, &peer_length) == 0) {
    port = address_text(&peer, address);
    length += snprintf(text + length, sizeof text - length, " peer=%s peerport=%u", address, port);
  }
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length) == 0)
    snprintf(text + length, sizeof text - length, " state=%s", state_name(info.tcpi_state));
  succeed(call, "%s", text);
}

void run_deadline(struct call *call) {
  unsigned long number;
  if (!read_number(call, "a deadline", call->words[1], MOST_SECONDS * 1000, &number)) return;
  // To a timer 0 is no limit.
  deadline_ms = number > 0 ? number : 1;
  finish(call, true);
}
