// Waits for a TCP connection to be in a state, with or without a process: a handshake or a close on loopback is mostly
// done when the system call returns, but not always, and never the end of a delayed ACK.
#define _GNU_SOURCE
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  LOOPBACK_INDEX = 1,
  TIMER_TIME_WAIT = 3, // of inet_diag and /proc/net/tcp: it is a TIME_WAIT minisocket, whatever state it tells
};

// IPv4 as ::ffff:a.b.c.d, as an IPv6 socket may have an IPv4 connection.
struct connection {
  struct in6_addr local, peer;
  uint16_t local_port, peer_port; // in network order
  unsigned device;
};

struct sight {
  unsigned state; // 0 is none
  bool time_wait;
  unsigned uid, inode;
};

bool without_diag;

static int diag = -1;

static struct in6_addr as_v6(int family, const void *bytes) {
  struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
  if (family == AF_INET)
    memcpy(address.s6_addr + 12, bytes, 4);
  else
    memcpy(&address, bytes, 16);
  return address;
}

static bool same(const struct connection *a, const struct connection *b) {
  return memcmp(&a->local, &b->local, sizeof a->local) == 0 && memcmp(&a->peer, &b->peer, sizeof a->peer) == 0 &&
         a->local_port == b->local_port && a->peer_port == b->peer_port;
}

struct diag_request {
  struct nlmsghdr header;
  struct inet_diag_req_v2 body;
};

struct diag_reply {
  struct nlmsghdr header;
  union {
    int error;
    struct inet_diag_msg body;
    char space[2048];
  };
};

static bool exchange(int fd, struct diag_request *request, struct diag_reply *reply) {
  request->header.nlmsg_len = sizeof *request;
  request->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request->body.sdiag_protocol = IPPROTO_TCP;
  return send(fd, request, sizeof *request, 0) >= 0 && recv(fd, reply, sizeof *reply, 0) >= (ssize_t)sizeof reply->header;
}

// A dump of no state at all costs nothing, and unlike an exact question it tells a missing tcp_diag from a missing socket.
static bool diag_answers(int fd) {
  struct diag_request request = {.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .body.sdiag_family = AF_INET};
  struct diag_reply reply = {0};
  return exchange(fd, &request, &reply) && reply.header.nlmsg_type == NLMSG_DONE && reply.error == 0;
}

void forget_diag(void) {
  if (diag >= 0) close(diag);
  diag = -1;
}

static bool have_diag(void) {
  if (without_diag) return false;
  if (diag >= 0) return true;
  diag = aside(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (diag >= 0 && !diag_answers(diag)) {
    forget_diag();
    without_diag = true;
  }
  return diag >= 0;
}

static bool look_by_diag(const struct connection *wanted, struct sight *sight) {
  bool v4 = IN6_IS_ADDR_V4MAPPED(&wanted->local) && IN6_IS_ADDR_V4MAPPED(&wanted->peer);
  struct diag_request request = {.header.nlmsg_flags = NLM_F_REQUEST};
  struct inet_diag_sockid *id = &request.body.id;
  struct diag_reply reply = {0};
  request.body.sdiag_family = v4 ? AF_INET : AF_INET6;
  memcpy(id->idiag_src, wanted->local.s6_addr + (v4 ? 12 : 0), v4 ? 4 : 16);
  memcpy(id->idiag_dst, wanted->peer.s6_addr + (v4 ? 12 : 0), v4 ? 4 : 16);
  id->idiag_sport = wanted->local_port;
  id->idiag_dport = wanted->peer_port;
  id->idiag_if = wanted->device;
  id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (!exchange(diag, &request, &reply)) return false;
  if (reply.header.nlmsg_type == NLMSG_ERROR) {
    errno = -reply.error;
    return errno == ENOENT;
  }
  const struct inet_diag_msg *body = &reply.body;
  struct connection found = {
      .local = as_v6(body->idiag_family, body->id.idiag_src),
      .peer = as_v6(body->idiag_family, body->id.idiag_dst),
      .local_port = body->id.idiag_sport,
      .peer_port = body->id.idiag_dport,
  };
  // The kernel takes a listener for want of the connection.
  if (same(&found, wanted))
    *sight = (struct sight){body->idiag_state, body->idiag_timer == TIMER_TIME_WAIT, body->idiag_uid, body->idiag_inode};
  return true;
}

// Its 32-bit words are in the order of the machine.
static struct in6_addr from_proc(const char *hex) {
  uint32_t words[4] = {0};
  int count = strlen(hex) / 8;
  for (int i = 0; i < count && i < 4; i++) {
    char word[9] = "";
    memcpy(word, hex + 8 * i, 8);
    words[i] = strtoul(word, NULL, 16);
  }
  return as_v6(count == 1 ? AF_INET : AF_INET6, words);
}

static bool look_by_proc(const char *path, const struct connection *wanted, struct sight *sight) {
  char line[512], local[33], peer[33];
  FILE *file = fopen(path, "re");
  if (!file) return false;
  while (sight->state == 0 && fgets(line, sizeof line, file)) {
    unsigned local_port, peer_port, state, timer, uid, inode;
    if (sscanf(line, " %*d: %32[0-9A-F]:%X %32[0-9A-F]:%X %X %*X:%*X %X:%*X %*X %u %*u %u", local, &local_port, peer, &peer_port, &state,
               &timer, &uid, &inode) != 8)
      continue;
    struct connection found = {from_proc(local), from_proc(peer), htons(local_port), htons(peer_port), 0};
    if (same(&found, wanted)) *sight = (struct sight){state, timer == TIMER_TIME_WAIT, uid, inode};
  }
  fclose(file);
  return true;
}

static bool look(const struct connection *wanted, struct sight *sight) {
  *sight = (struct sight){0};
  if (have_diag()) {
    if (!look_by_diag(wanted, sight)) return false;
  } else {
    if (!look_by_proc("/proc/net/tcp", wanted, sight)) return false;
    // A kernel without IPv6 has no such file.
    if (sight->state == 0 && !look_by_proc("/proc/net/tcp6", wanted, sight) && errno != ENOENT) return false;
  }
  return true;
}

static bool read_end(struct call *call, int word, struct in6_addr *address, uint16_t *port) {
  struct sockaddr_storage end;
  socklen_t length;
  if (!read_address(call, call->words[word], call->words[word + 1], &end, &length)) return false;
  struct sockaddr_in *v4 = (struct sockaddr_in *)&end;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&end;
  *address = end.ss_family == AF_INET ? as_v6(AF_INET, &v4->sin_addr) : v6->sin6_addr;
  *port = end.ss_family == AF_INET ? v4->sin_port : v6->sin6_port;
  return true;
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

void run_await(struct call *call) {
  // A socket that is bound to no device matches any.
  struct connection wanted = {.device = LOOPBACK_INDEX};
  int state = state_number(call->words[5]);
  if (!read_end(call, 1, &wanted.local, &wanted.local_port) || !read_end(call, 3, &wanted.peer, &wanted.peer_port)) return;
  if (state < 0) {
    complain(call, "there is no state %.40s", call->words[5]);
    return;
  }
  if (call->count == 7 && !read_device(call, call->words[6], &wanted.device)) return;
  struct sight sight;
  double end = seconds() + deadline_ms / 1e3;
  for (long pause = 20000;; pause += pause < 1000000 ? pause / 2 : 0) {
    bool last = seconds() > end;
    if (!look(&wanted, &sight)) {
      refuse(call);
      return;
    }
    if (sight.state == (unsigned)state) break;
    if (last) {
      complain(call, "it is in state %s after %u ms", state_name(sight.state), deadline_ms);
      return;
    }
    nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
  }
  if (state == 0)
    succeed(call, "state=none");
  else
    succeed(call, "state=%s timewait=%s uid=%u inode=%u", state_name(state), sight.time_wait ? "yes" : "no", sight.uid, sight.inode);
}
