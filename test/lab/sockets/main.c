// Reads commands from stdin and answers each with a line on stdout.
#define _GNU_SOURCE
#include "lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char input[1 << 16];
static size_t input_start, input_end;

// The next line without its end, NULL after the last. One that is too long comes as its beginning.
static char *next_line(bool *too_long) {
  *too_long = false;
  for (;;) {
    char *line = input + input_start;
    size_t length = input_end - input_start;
    char *end = memchr(line, '\n', length);
    if (end) {
      input_start = end + 1 - input;
      *too_long |= end - line >= LINE_LENGTH;
      *end = '\0';
      for (char *byte = line; byte < end; byte++)
        if (*byte != '\t' && (*byte < ' ' || *byte > '~')) *byte = *byte == '\r' ? ' ' : '?';
      return line;
    }
    if (length >= LINE_LENGTH) { // keeps room in the buffer, and enough to be still too long
      *too_long = true;
      length = 1;
    }
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
  static char output[1 << 16];
  setvbuf(stdout, output, _IOFBF, sizeof output);

  bool complained = false, too_long;
  for (char *line; (line = next_line(&too_long));) {
    struct message reply = {.fd = -1};
    line += strspn(line, " \t");
    if (too_long)
      snprintf(reply.text, sizeof reply.text, "error: a line has %d characters at most", LINE_LENGTH - 1);
    else if (*line == '\0' || *line == '#')
      continue;
    else
      answer(line, &reply);
    complained |= strncmp(reply.text, "error:", 6) == 0;
    fputs(reply.text, stdout);
    putchar('\n');
    if (!own_name) break;
  }
  end_others();
  return fflush(stdout) == EOF ? 1 : complained ? 2 : 0;
}
