// The table of commands: the protocol in one place.
#define _GNU_SOURCE
#include "lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void run_help(struct call *call);

const struct command commands[] = {
    {"socket", "NAME tcp|udp|mptcp 4|6", "socket()", 3, 3, run_socket, NULL, false},
    {"set", "NAME reuseaddr|reuseport|v6only|bind_no_port|repair 0|1, NAME device DEVICE|none, NAME linger SECONDS|off",
     "setsockopt()", 3, 3, run_set, NULL, false},
    {"attach", "NAME", "SO_ATTACH_REUSEPORT_CBPF, a program that selects the first socket", 1, 1, run_attach, NULL, false},
    {"detach", "NAME", "SO_DETACH_REUSEPORT_BPF", 1, 1, run_detach, NULL, false},
    {"bind", "NAME ADDRESS PORT [DEVICE]", "bind(), an IPv6 address with the scope of DEVICE: port=", 3, 4, run_bind, NULL, false},
    {"listen", "NAME [BACKLOG]", "listen(): port=", 1, 2, run_listen, NULL, false},
    {"connect", "NAME ADDRESS PORT", "connect(): address= port=, its own", 3, 3, run_connect, NULL, false},
    {"disconnect", "NAME", "connect() to AF_UNSPEC", 1, 1, run_disconnect, NULL, false},
    {"accept", "NAME NEW", "accept(): address= port=, of the peer", 2, 2, run_accept, NULL, false},
    {"shutdown", "NAME rd|wr|rdwr", "shutdown()", 2, 2, run_shutdown, NULL, false},
    {"close", "NAME", "close()", 1, 1, run_close, NULL, false},
    {"dup", "NAME NEW", "dup()", 2, 2, run_dup, NULL, false},
    {"pass", "NAME PROCESS NEW", "SCM_RIGHTS: PROCESS has it as NEW", 3, 3, run_pass, coordinate_pass, false},
    {"send", "NAME TEXT", "send(): bytes=", 2, 2, run_send, NULL, false},
    {"recv", "NAME", "recv(): bytes= text=", 1, 1, run_recv, NULL, false},
    {"name", "NAME", "inode= uid= address= port= peer= peerport= state=", 1, 1, run_name, NULL, false},
    {"await", "ADDRESS PORT PEER PEERPORT STATE|none [DEVICE]", "waits until a TCP connection is in that state: state= timewait= uid= inode=",
     5, 6, run_await, NULL, false},
    {"deadline", "MILLISECONDS", "how long await, connect, accept and recv wait", 1, 1, run_deadline, NULL, false},
    {"fork", "PROCESS", "fork(), with a copy of each descriptor: pid=", 1, 1, run_fork, coordinate_fork, false},
    {"exit", "", "ends the process, or with main the lab", 0, 0, run_exit, coordinate_exit, false},
    {"kill", "PROCESS", "SIGKILL", 1, 1, run_kill, NULL, true},
    {"user", "UID", "effective user from now on, 0 is the way back", 1, 1, run_user, NULL, false},
    {"netns", "NAME", "enters this network namespace, which exists from its first use", 1, 1, run_netns, coordinate_netns, false},
    {"ip", "WORD...", "runs ip(8) in this namespace", 1, MOST_WORDS - 1, run_ip, NULL, false},
    {"sysctl", "NAME VALUE...", "writes net.* of this namespace", 2, MOST_WORDS - 1, run_sysctl, NULL, false},
    {"reset", "[network]", "no other process, no socket, user 0, first namespace; network: namespaces anew", 0, 1, run_reset, NULL, true},
    {"help", "[COMMAND]", "", 0, 1, run_help, NULL, true},
    {0},
};

static const struct command *by_verb(const char *verb) {
  for (const struct command *command = commands; command->verb; command++)
    if (strcmp(command->verb, verb) == 0) return command;
  return NULL;
}

static void run_help(struct call *call) {
  if (call->count == 2) {
    const struct command *command = by_verb(call->words[1]);
    if (!command)
      complain(call, "there is no command %.40s", call->words[1]);
    else
      succeed(call, "%s%s%s%s%s", command->verb, *command->words ? " " : "", command->words, *command->meaning ? ": " : "",
              command->meaning);
    return;
  }
  char verbs[LINE_LENGTH / 2] = "";
  for (const struct command *command = commands; command->verb; command++) {
    strcat(verbs, *verbs ? " " : "");
    strcat(verbs, command->verb);
  }
  succeed(call, "%s", verbs);
}

const struct command *find_command(struct call *call) {
  const struct command *command = by_verb(call->words[0]);
  int given = call->count - 1;
  if (!command) {
    complain(call, "there is no command %.40s, help lists them", call->words[0]);
  } else if (given < command->least || given > command->most) {
    complain(call, "it is %s%s%s", command->verb, *command->words ? " " : "", command->words);
    return NULL;
  }
  return command;
}

void execute(const char *line, int fd, struct message *reply) {
  char words[LINE_LENGTH];
  struct call call = {.fd = fd, .reply = reply};
  strcpy(words, line);
  reply->fd = -1;
  const struct command *command = split(words, &call) ? find_command(&call) : NULL;
  if (command) command->run(&call);
  if (call.fd >= 0) close(call.fd);
}
