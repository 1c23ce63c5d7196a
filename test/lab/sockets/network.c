// Network namespaces and what is in them.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OWN_NAMESPACE "/proc/self/ns/net"
#define WORD_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@-"

struct namespace {
  char name[NAME_LENGTH];
  int fd;
};

static struct namespace namespaces[MOST_NAMESPACES]; // known to main only
static int count;
static int first = -1;
static bool first_is_private, elsewhere;

static bool set_loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  bool done = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  if (done) {
    request.ifr_flags |= IFF_UP;
    done = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  }
  int problem = errno;
  if (fd >= 0) close(fd);
  errno = problem;
  return done;
}

static bool enter_new_namespace(void) { return unshare(CLONE_NEWNET) == 0 && set_loopback_up(); }

bool enter_first_namespace(bool private) {
  first_is_private = private;
  if (private && !enter_new_namespace()) return false;
  // Without /proc the lab still works in one namespace.
  first = aside(open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC));
  return true;
}

bool return_to_first_namespace(bool fresh) {
  if (fresh) forget_namespaces();
  if (fresh && first_is_private) {
    forget_diag();
    close(first);
    elsewhere = false;
    return enter_first_namespace(true);
  }
  if (!elsewhere) return true;
  forget_diag();
  elsewhere = setns(first, CLONE_NEWNET) < 0;
  return !elsewhere;
}

void forget_namespaces(void) {
  while (count > 0) close(namespaces[--count].fd);
}

static int create_namespace(void) {
  int created = -1, here = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
  if (here < 0) return -1;
  if (enter_new_namespace()) created = aside(open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC));
  int problem = errno;
  if (setns(here, CLONE_NEWNET) < 0) problem = errno;
  close(here);
  errno = problem;
  return created;
}

int open_namespace(const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(namespaces[i].name, name) == 0) return dup(namespaces[i].fd);
  if (count == MOST_NAMESPACES) {
    errno = ENOSPC;
    return -1;
  }
  uid_t user = geteuid();
  use_uid(getuid());
  int fd = create_namespace();
  int problem = errno;
  use_uid(user);
  errno = problem;
  if (fd < 0) return -1;
  strcpy(namespaces[count].name, name);
  namespaces[count++].fd = fd;
  return dup(fd);
}

// What only root may do, for a process that is another user by now. An action that fails has complained or left errno.
static void as_root(struct call *call, bool (*action)(struct call *)) {
  uid_t user = geteuid();
  use_uid(getuid());
  *call->reply->text = '\0';
  if (action(call))
    finish(call, true);
  else if (*call->reply->text == '\0')
    refuse(call);
  use_uid(user);
}

static bool enter(struct call *call) {
  if (setns(call->fd, CLONE_NEWNET) < 0) return false;
  elsewhere = true;
  forget_diag();
  return true;
}

void run_netns(struct call *call) { as_root(call, enter); }

static bool write_sysctl(struct call *call) {
  char path[LINE_LENGTH + 16], value[LINE_LENGTH] = "";
  snprintf(path, sizeof path, "/proc/sys/%s", call->words[1]);
  for (char *byte = path; *byte; byte++)
    if (*byte == '.') *byte = '/';
  if (strncmp(path, "/proc/sys/net/", 14) != 0 || strstr(path, "//")) {
    complain(call, "a name of a sysctl begins with net., unlike %.40s", call->words[1]);
    return false;
  }
  for (int i = 2; i < call->count; i++) {
    if (i > 2) strcat(value, " ");
    strcat(value, call->words[i]);
  }
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, value, strlen(value)) >= 0;
  int problem = errno;
  close(fd);
  errno = problem;
  return done;
}

void run_sysctl(struct call *call) { as_root(call, write_sysctl); }

static bool run_program(struct call *call) {
  char command[2 * LINE_LENGTH] = "timeout 5 ip", output[LINE_LENGTH / 2] = "";
  for (int i = 1; i < call->count; i++) {
    // A shell reads it.
    if (strspn(call->words[i], WORD_CHARACTERS) != strlen(call->words[i])) {
      complain(call, "ip takes words of letters, digits and _./:@-, unlike %.40s", call->words[i]);
      return false;
    }
    strcat(strcat(command, " "), call->words[i]);
  }
  strcat(command, " </dev/null 2>&1");
  FILE *pipe = popen(command, "r");
  if (!pipe) return false;
  fread(output, 1, sizeof output - 1, pipe);
  int status = pclose(pipe);
  output[strcspn(output, "\n")] = '\0';
  if (status != 0) complain(call, "ip failed: %s", *output ? output : "it does not say why");
  return status == 0;
}

void run_ip(struct call *call) { as_root(call, run_program); }

bool read_device(struct call *call, const char *name, unsigned *index) {
  *index = if_nametoindex(name);
  if (*index == 0) complain(call, "there is no device %.40s", name);
  return *index != 0;
}
