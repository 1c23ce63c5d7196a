// The processes of the lab. Main reads the lines; the others wait for theirs at their channel. All are children of main,
// whoever forked them, so that main can reap them.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
  char name[NAME_LENGTH];
  pid_t pid;
  int channel;
};

const char *own_name = "main"; // NULL once main has been told to exit
static char name_of_child[NAME_LENGTH];
static int own_channel = -1; // -1 in main

static struct process others[MOST_PROCESSES]; // known to main only
static int count;

static struct process *find_other(const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(others[i].name, name) == 0) return &others[i];
  return NULL;
}

static void remove_other(struct process *process) {
  close(process->channel);
  *process = others[--count];
}

static void end(struct process *process) {
  kill(process->pid, SIGKILL);
  waitpid(process->pid, NULL, 0);
  remove_other(process);
}

void end_others(void) {
  for (int i = 0; i < count; i++) kill(others[i].pid, SIGKILL);
  while (count > 0) end(&others[count - 1]);
}

// NULL is main.
static void tell(struct process *process, const char *line, int fd, struct message *reply) {
  if (!process) {
    execute(line, fd, reply);
  } else if (!send_message(process->channel, line, fd) || !receive_message(process->channel, reply)) {
    reply->fd = -1;
    snprintf(reply->text, LINE_LENGTH, "error: %s is dead", process->name);
    end(process);
  }
}

void answer(char *line, struct message *reply) {
  struct call call = {.fd = -1, .reply = reply};
  struct process *process = NULL;
  char *colon = strchr(line, ':');
  bool addressed = colon && colon < line + strcspn(line, " \t");
  reply->fd = -1;
  if (strlen(line) >= LINE_LENGTH) {
    complain(&call, "a line has %d characters at most", LINE_LENGTH - 1);
    return;
  }
  if (addressed) {
    *colon = '\0';
    process = find_other(line);
    if (!process && strcmp(line, "main") != 0) {
      complain(&call, "there is no process %.40s", line);
      return;
    }
    line = colon + 1;
  }
  char words[LINE_LENGTH];
  strcpy(words, line);
  const struct command *command = split(words, &call) ? find_command(&call) : NULL;
  if (!command) return;
  if (command->whole_lab && addressed)
    complain(&call, "%s is for the whole lab and takes no process before it", command->verb);
  else if (command->coordinate)
    command->coordinate(process, line, &call);
  else if (process)
    tell(process, line, -1, reply);
  else
    command->run(&call);
}

bool use_uid(uid_t uid) {
  // Only root may become anybody.
  if (geteuid() != getuid() && seteuid(getuid()) < 0) return false;
  bool done = seteuid(uid) == 0;
  // The kernel forgets it with a change of user.
  if (own_channel >= 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  return done;
}

void run_user(struct call *call) {
  unsigned long uid;
  if (!read_number(call, "a user", call->words[1], UINT32_MAX - 1, &uid)) return;
  finish(call, use_uid(uid));
}

static _Noreturn void live(const char *name, int channel) {
  // Main sees the end of a process at its channel, if no other process has a copy.
  while (count > 0) remove_other(&others[count - 1]);
  if (own_channel >= 0) close(own_channel);
  own_channel = channel = aside(channel);
  own_name = strcpy(name_of_child, name);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  forget_namespaces();
  forget_diag();
  struct message request, reply;
  while (receive_message(channel, &request)) {
    execute(request.text, request.fd, &reply);
    if (!send_message(channel, reply.text, reply.fd)) break;
  }
  _exit(0);
}

void run_fork(struct call *call) {
  unsigned long flags = own_channel >= 0 ? SIGCHLD | CLONE_PARENT : SIGCHLD;
  pid_t pid = syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (pid == 0) live(call->words[1], call->fd);
  if (pid < 0)
    refuse(call);
  else
    succeed(call, "pid=%d", pid);
}

void coordinate_fork(struct process *process, const char *line, struct call *call) {
  const char *name = call->words[1];
  int ends[2];
  if (!is_name(name)) {
    complain(call, "a name has 1 to %d of a-z, 0-9 and _, unlike %.40s", NAME_LENGTH - 1, name);
  } else if (strcmp(name, "main") == 0 || find_other(name)) {
    complain(call, "there is already a process %s", name);
  } else if (count == MOST_PROCESSES) {
    complain(call, "main and %d other processes are all there can be", MOST_PROCESSES);
  } else if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0) {
    refuse(call);
  } else {
    for (int i = 0; i < 2; i++) ends[i] = aside(ends[i]);
    // More than any command takes: who says nothing for so long is as good as dead.
    struct timeval limit = {.tv_sec = MOST_SECONDS + 10};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    // First, as the child closes the channels it knows of.
    others[count] = (struct process){.channel = ends[0]};
    strcpy(others[count++].name, name);
    tell(process, line, ends[1], call->reply);
    struct process *child = find_other(name);
    if (sscanf(call->reply->text, "ok pid=%d", &child->pid) != 1) remove_other(child);
  }
}

void run_exit(struct call *call) {
  (void)call;
  _exit(0);
}

void coordinate_exit(struct process *process, const char *line, struct call *call) {
  if (process) {
    struct message none;
    send_message(process->channel, line, -1);
    receive_message(process->channel, &none);
    end(process);
  } else {
    own_name = NULL;
  }
  finish(call, true);
}

void run_kill(struct call *call) {
  const char *name = call->words[1];
  struct process *process = find_other(name);
  if (process) {
    end(process);
    finish(call, true);
  } else if (strcmp(name, "main") == 0) {
    complain(call, "main cannot be killed, exit ends it");
  } else {
    complain(call, "there is no process %.40s", name);
  }
}

void coordinate_netns(struct process *process, const char *line, struct call *call) {
  const char *name = call->words[1];
  if (!is_name(name)) {
    complain(call, "a name has 1 to %d of a-z, 0-9 and _, unlike %.40s", NAME_LENGTH - 1, name);
    return;
  }
  int fd = open_namespace(name);
  if (fd < 0)
    refuse(call);
  else
    tell(process, line, fd, call->reply);
}

void coordinate_pass(struct process *process, const char *line, struct call *call) {
  const char *name = call->words[2];
  struct process *to = find_other(name);
  if (!to && strcmp(name, "main") != 0) {
    complain(call, "there is no process %.40s", name);
    return;
  }
  tell(process, line, -1, call->reply);
  if (call->reply->fd >= 0) tell(to, line, call->reply->fd, call->reply);
}

void run_reset(struct call *call) {
  bool network = call->count == 2;
  if (network && strcmp(call->words[1], "network") != 0) {
    complain(call, "reset takes nothing or the word network, not %.40s", call->words[1]);
    return;
  }
  end_others();
  close_sockets();
  deadline_ms = DEFAULT_DEADLINE_MS;
  finish(call, use_uid(getuid()) && return_to_first_namespace(network));
}
