// Words of a line to values, and values to the words of an answer.
#define _GNU_SOURCE
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

bool split(char *line, struct call *call) {
  char *rest;
  call->count = 0;
  for (char *word = strtok_r(line, BLANKS, &rest); word; word = strtok_r(NULL, BLANKS, &rest)) {
    if (call->count == MOST_WORDS) {
      complain(call, "a line has %d words at most", MOST_WORDS);
      return false;
    }
    call->words[call->count++] = word;
  }
  call->words[call->count] = NULL;
  if (call->count == 0) complain(call, "there is no command after the name of the process");
  return call->count > 0;
}

bool is_name(const char *text) {
  size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
  return length > 0 && length < NAME_LENGTH && text[length] == '\0';
}

bool read_number(struct call *call, const char *what, const char *text, unsigned long most, unsigned long *number) {
  size_t length = strlen(text);
  if (length > 0 && length <= 10 && strspn(text, "0123456789") == length) {
    *number = strtoul(text, NULL, 10);
    if (*number <= most) return true;
  }
  complain(call, "%s is not %.40s but a number from 0 to %lu", what, text, most);
  return false;
}

bool read_address(struct call *call, const char *address, const char *port, struct sockaddr_storage *to, socklen_t *length) {
  struct sockaddr_in *v4 = (struct sockaddr_in *)to;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
  unsigned long number;
  memset(to, 0, sizeof *to);
  if (!read_number(call, "a port", port, UINT16_MAX, &number)) return false;
  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(number);
    *length = sizeof *v4;
  } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(number);
    *length = sizeof *v6;
  } else {
    complain(call, "%.60s is not a numeric IPv4 or IPv6 address", address);
    return false;
  }
  return true;
}

uint16_t address_text(const struct sockaddr_storage *from, char text[INET6_ADDRSTRLEN]) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
  bool is_v6 = from->ss_family == AF_INET6;
  if (is_v6)
    inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
  else
    inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
  return ntohs(is_v6 ? v6->sin6_port : v4->sin_port);
}

// include/net/tcp_states.h
static const char *const states[] = {
    "none",      "ESTABLISHED", "SYN_SENT", "SYN_RECV",   "FIN_WAIT1", "FIN_WAIT2",
    "TIME_WAIT", "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN",    "CLOSING",
};
enum { STATES = sizeof states / sizeof *states };

const char *state_name(unsigned state) { return state < STATES ? states[state] : "unknown"; }

int state_number(const char *name) {
  for (int state = 0; state < STATES; state++)
    if (strcmp(states[state], name) == 0) return state;
  return -1;
}

static void say(struct call *call, const char *before, const char *format, va_list arguments) {
  char *text = call->reply->text;
  int length = snprintf(text, LINE_LENGTH, "%s", before);
  vsnprintf(text + length, LINE_LENGTH - length, format, arguments);
}

void succeed(struct call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(call, "ok ", format, arguments);
  va_end(arguments);
}

void complain(struct call *call, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(call, "error: ", format, arguments);
  va_end(arguments);
}

void refuse(struct call *call) {
  int number = errno;
  const char *name = strerrorname_np(number);
  // The kernel lets a few of its own numbers out, such as ENOTSUPP.
  if (name)
    snprintf(call->reply->text, LINE_LENGTH, "%s", name);
  else
    snprintf(call->reply->text, LINE_LENGTH, "E%d", number);
}

void finish(struct call *call, bool done) {
  if (done)
    strcpy(call->reply->text, "ok");
  else
    refuse(call);
}
