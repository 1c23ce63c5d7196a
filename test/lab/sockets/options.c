// The socket options that have a say in who may bind.
#define _GNU_SOURCE
#include "lab.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

static const struct option {
  const char *name;
  int level, number;
} options[] = {
    {"reuseaddr", SOL_SOCKET, SO_REUSEADDR},
    {"reuseport", SOL_SOCKET, SO_REUSEPORT},
    {"v6only", IPPROTO_IPV6, IPV6_V6ONLY},
    {"bind_no_port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {"repair", IPPROTO_TCP, TCP_REPAIR}, // its owner shares with everybody: SK_FORCE_REUSE
};

static void set(struct call *call, int fd, int level, int option, const void *value, socklen_t length) {
  finish(call, setsockopt(fd, level, option, value, length) == 0);
}

void run_set(struct call *call) {
  const char *name = call->words[2], *text = call->words[3];
  unsigned long number;
  int fd = find_socket(call, call->words[1]);
  if (fd < 0) return;
  if (strcmp(name, "device") == 0) {
    const char *device = strcmp(text, "none") == 0 ? "" : text;
    set(call, fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device) + 1);
    return;
  }
  if (strcmp(name, "linger") == 0) {
    struct linger linger = {0};
    if (strcmp(text, "off") != 0) {
      if (!read_number(call, "a linger time", text, MOST_SECONDS, &number)) return;
      linger = (struct linger){.l_onoff = 1, .l_linger = number};
    }
    set(call, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return;
  }
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (strcmp(name, options[i].name) != 0) continue;
    if (!read_number(call, name, text, 1, &number)) return;
    int value = number;
    set(call, fd, options[i].level, options[i].number, &value, sizeof value);
    return;
  }
  complain(call, "there is no option %.40s, help set lists them", name);
}

void run_attach(struct call *call) {
  static struct sock_filter first = BPF_STMT(BPF_RET | BPF_K, 0);
  static const struct sock_fprog program = {.len = 1, .filter = &first};
  int fd = find_socket(call, call->words[1]);
  if (fd >= 0) set(call, fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void run_detach(struct call *call) {
  int fd = find_socket(call, call->words[1]), ignored = 0;
  if (fd >= 0) set(call, fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &ignored, sizeof ignored);
}
