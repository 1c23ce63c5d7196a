// latency COUNT: so many processes that sleep, until stdin ends. Says so in a line once all are there.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
  pid_t parent = getpid();
  char byte;
  for (int left = argc > 1 ? atoi(argv[1]) : 0; left > 0; left--) {
    pid_t child = fork();
    if (child < 0) {
      perror("fork");
      return 1;
    }
    if (child > 0) continue;
    // They end with the first one, however it ends.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 0;
    for (;;) pause();
  }
  printf("ready\n");
  fflush(stdout);
  while (read(0, &byte, 1) > 0) continue;
  return 0;
}
