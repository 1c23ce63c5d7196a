// Reads commands from stdin and answers each with a line on stdout.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char input[1 << 16];
static size_t input_start, input_end;

// The next line without its end, NULL after the last. Of one that is too long some of it is missing.
static char *next_line(void) {
  for (;;) {
    char *line = input + input_start;
    size_t length = input_end - input_start;
    char *end = memchr(line, '\n', length);
    if (end) {
      input_start = end + 1 - input;
      *end = '\0';
      for (char *byte = line; byte < end; byte++)
        if (*byte != '\t' && (*byte < ' ' || *byte > '~')) *byte = *byte == '\r' ? ' ' : '?';
      return line;
    }
    if (length > LINE_LENGTH) length = LINE_LENGTH; // makes room, and is still too long
    memmove(input, line, length);
    input_start = 0;
    input_end = length;
    // Before it blocks: whoever waits for an answer has to see it.
    if (fflush(stdout) == EOF) return NULL;
    ssize_t got = read(STDIN_FILENO, input + length, sizeof input - length - 1);
    if (got > 0) {
      input_end += got;
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else if (length > 0) {
      input[input_end++] = '\n';
    } else {
      return NULL;
    }
  }
}

// On one processor packets on loopback have one queue, so they are handled in order and nearly always before the system
// call returns; a line to another process takes a quarter of the time too.
static void stay_on_this_processor(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one);
}

static void print_help(void) {
  puts("usage: sockets [--netns] [--no-diag]\n\n"
       "Performs socket operations as told by lines on stdin, `[PROCESS:] COMMAND ...`, and answers each with a line.\n\n"
       "  --netns    in a network namespace of its own (root)\n"
       "  --no-diag  await reads /proc/net/tcp even where the kernel has tcp_diag\n");
  for (const struct command *command = commands; command->verb; command++)
    printf("  %s%s%s\n      %s\n", command->verb, *command->words ? " " : "", command->words, command->meaning);
}

int main(int argc, char **argv) {
  bool private = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--netns") == 0) {
      private = true;
    } else if (strcmp(argv[i], "--no-diag") == 0) {
      without_diag = true;
    } else if (strcmp(argv[i], "--help") == 0) {
      print_help();
      return 0;
    } else {
      fprintf(stderr, "sockets: unknown argument %s, --help lists what there is\n", argv[i]);
      return 2;
    }
  }
  signal(SIGPIPE, SIG_IGN);
  if (!enter_first_namespace(private)) {
    fprintf(stderr, "sockets: no network namespace of its own: %s\n", strerror(errno));
    return 1;
  }
  stay_on_this_processor();
  static char output[1 << 16];
  setvbuf(stdout, output, _IOFBF, sizeof output);

  bool complained = false;
  for (char *line; (line = next_line());) {
    struct message reply;
    line += strspn(line, " \t");
    if (*line == '\0' || *line == '#') continue;
    answer(line, &reply);
    complained |= strncmp(reply.text, "error:", 6) == 0;
    fputs(reply.text, stdout);
    putchar('\n');
    if (!own_name) break;
  }
  end_others();
  return fflush(stdout) == EOF ? 1 : complained ? 2 : 0;
}
