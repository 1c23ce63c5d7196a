// Binds and closes sockets at a steady rate, and says how many: PORT RATE SECONDS [THREADS].
//
// Each thread has an address of its own (127.0.0.1 and following), so that none is in another's way. A thread that falls behind
// catches up as fast as it can; when the time is up it ends with what it has done. Prints one line of JSON.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_THREADS 64
#define NS 1000000000L
// A sleep of a millisecond between batches costs less than one before each bind.
#define BATCH_NS 1000000L

struct work {
	pthread_t thread;
	struct sockaddr_in address;
	long rate, seconds;
	long binds, failed;
};

static long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

static void *run(void *argument) {
	struct work *work = argument;
	const long start = now(), goal = work->rate * work->seconds;
	for (long done = 0; done < goal;) {
		const long passed = now() - start;
		if (passed >= work->seconds * NS) break;
		const long due = (long)((double)passed * work->rate / NS) + 1;
		for (; done < due && done < goal; done++) {
			const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			if (fd >= 0 && bind(fd, (struct sockaddr *)&work->address, sizeof work->address) == 0) work->binds++;
			else work->failed++;
			if (fd >= 0) close(fd);
			// One that is far behind still ends in time.
			if ((done & 63) == 63 && now() - start >= work->seconds * NS) break;
		}
		const struct timespec pause = {.tv_nsec = BATCH_NS};
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(int count, char **words) {
	const long threads = count > 4 ? atol(words[4]) : 1;
	if (count < 4 || threads < 1 || threads > MOST_THREADS) {
		fprintf(stderr, "usage: storm PORT RATE SECONDS [THREADS]\n");
		return 2;
	}
	static struct work all[MOST_THREADS];
	const long start = now();
	for (long i = 0; i < threads; i++) {
		struct work *work = &all[i];
		work->rate = atol(words[2]) / threads;
		work->seconds = atol(words[3]);
		work->address.sin_family = AF_INET;
		work->address.sin_port = htons(atoi(words[1]));
		work->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + i);
		if (pthread_create(&work->thread, NULL, run, work) != 0) return 1;
	}
	long binds = 0, failed = 0;
	for (long i = 0; i < threads; i++) {
		pthread_join(all[i].thread, NULL);
		binds += all[i].binds;
		failed += all[i].failed;
	}
	printf("{\"binds\":%ld,\"failed\":%ld,\"ms\":%ld}\n", binds, failed, (now() - start) / 1000000);
	return 0;
}
