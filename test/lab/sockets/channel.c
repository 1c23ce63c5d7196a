// Main's line to each other process: one message each way for a command, with a descriptor if need be.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// Descriptors from here on are the lab's own: a socket gets the lowest that is free, and at exit the last is closed first.
#define FIRST_OWN_FD 512

int aside(int fd) {
  if (fd < 0) return fd;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
  if (own < 0) return fd;
  close(fd);
  return own;
}

union rights {
  char space[CMSG_SPACE(sizeof(int))];
  struct cmsghdr align;
};

bool send_message(int channel, const char *text, int fd) {
  union rights rights = {0};
  struct iovec data = {.iov_base = (char *)text, .iov_len = strlen(text)};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
  if (fd >= 0) {
    header.msg_control = &rights;
    header.msg_controllen = sizeof rights.space;
    struct cmsghdr *control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
  }
  bool sent = sendmsg(channel, &header, MSG_NOSIGNAL) >= 0;
  if (fd >= 0) close(fd);
  return sent;
}

bool receive_message(int channel, struct message *message) {
  union rights rights = {0};
  struct iovec data = {.iov_base = message->text, .iov_len = LINE_LENGTH - 1};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights.space};
  ssize_t got;
  do
    got = recvmsg(channel, &header, 0);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  message->text[got] = '\0';
  message->fd = -1;
  struct cmsghdr *control = CMSG_FIRSTHDR(&header);
  if (control && control->cmsg_type == SCM_RIGHTS) memcpy(&message->fd, CMSG_DATA(control), sizeof message->fd);
  return true;
}
