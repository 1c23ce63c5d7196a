// What the files of the lab share. README.md has the protocol.
#ifndef LAB_H
#define LAB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
  LINE_LENGTH = 1024,
  NAME_LENGTH = 32,
  MOST_WORDS = 16,
  MOST_PROCESSES = 64,
  MOST_NAMESPACES = 64,
  MOST_SOCKETS = 512,
  MOST_SECONDS = 60, // that any one command may take
  DEFAULT_DEADLINE_MS = 5000,
};

// A line between processes. A descriptor belongs to the message it travels with; -1 is none.
struct message {
  int fd;
  char text[LINE_LENGTH];
};

// A command under way in one process. `fd` came with it, whoever uses it makes it -1.
struct call {
  char *words[MOST_WORDS + 1];
  int count;
  int fd;
  struct message *reply;
};

struct process;

struct command {
  const char *verb;
  const char *words;
  const char *meaning;
  int least, most; // words after the verb
  void (*run)(struct call *);
  // What main has to do around it. NULL: it only passes the line on.
  void (*coordinate)(struct process *, const char *line, struct call *);
  bool whole_lab; // takes no process before it
};

extern const struct command commands[]; // ends with a verb that is NULL

// text.c
bool split(char *line, struct call *call);
bool is_name(const char *text);
bool read_number(struct call *call, const char *what, const char *text, unsigned long most, unsigned long *number);
bool read_address(struct call *call, const char *address, const char *port, struct sockaddr_storage *to, socklen_t *length);
uint16_t address_text(const struct sockaddr_storage *from, char text[INET6_ADDRSTRLEN]);
const char *state_name(unsigned state);
int state_number(const char *name);
void succeed(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void complain(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void refuse(struct call *call); // errno says how
void finish(struct call *call, bool done);

// commands.c
const struct command *find_command(struct call *call);
void execute(const char *line, int fd, struct message *reply);

// channel.c
int aside(int fd);
bool send_message(int channel, const char *text, int fd);
bool receive_message(int channel, struct message *message);

// processes.c
extern const char *own_name;
void answer(char *line, struct message *reply);
void end_others(void);
bool use_uid(uid_t uid);
void run_fork(struct call *call);
void run_exit(struct call *call);
void run_user(struct call *call);
void coordinate_fork(struct process *process, const char *line, struct call *call);
void coordinate_exit(struct process *process, const char *line, struct call *call);
void coordinate_netns(struct process *process, const char *line, struct call *call);
void coordinate_pass(struct process *process, const char *line, struct call *call);
void run_kill(struct call *call);
void run_reset(struct call *call);

// network.c
bool enter_first_namespace(bool private);
bool return_to_first_namespace(bool fresh);
int open_namespace(const char *name);
void forget_namespaces(void);
void run_netns(struct call *call);
void run_sysctl(struct call *call);
void run_ip(struct call *call);
bool read_device(struct call *call, const char *name, unsigned *index);

// operations.c
extern unsigned deadline_ms;
int find_socket(struct call *call, const char *name);
void close_sockets(void);
void run_socket(struct call *call);
void run_bind(struct call *call);
void run_listen(struct call *call);
void run_connect(struct call *call);
void run_disconnect(struct call *call);
void run_accept(struct call *call);
void run_shutdown(struct call *call);
void run_close(struct call *call);
void run_dup(struct call *call);
void run_send(struct call *call);
void run_recv(struct call *call);
void run_name(struct call *call);
void run_pass(struct call *call);
void run_deadline(struct call *call);

// options.c
void run_set(struct call *call);
void run_attach(struct call *call);
void run_detach(struct call *call);

// await.c
extern bool without_diag;
void forget_diag(void);
void run_await(struct call *call);

#endif
