"""A master process has ended by itself, its workers have not: the port stays taken.

As in gunicorn and others, the master binds and forks workers, which inherit the listening socket and accept on it. The
process that called bind is gone.
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import IPV4_ANY, Owner, bound, expect, holders, listener, owner, refused_bind, run
from processes import adopt_orphans, child_process, forked_worker


def master(port: int, lifeline: int, end_of_life: int) -> Iterator[tuple[list[int], Owner]]:
    with listener(IPV4_ANY, port) as old:
        workers = [forked_worker(lifeline, end_of_life) for _ in range(2)]
        yield workers, owner(old, "LISTEN", "listening")


def forked_workers(port: int) -> None:
    adopt_orphans()
    lifeline, end_of_life = os.pipe()
    with child_process(master(port, lifeline, end_of_life)) as gunicorn:
        workers, blocker = gunicorn.step()
    try:
        expect(holders(blocker["inode"]) == sorted(workers), "the workers are not the only holders")
        steps = ["bound", "listened", "forked", "forked", "copy-closed", "exited"]
        story = {
            "via": dict.fromkeys(workers, "inherited"),
            "steps": [[step, gunicorn.pid] for step in steps],
            "release": "exit",
        }
        refused_bind(IPV4_ANY, port, by=[blocker], story=story)
    finally:
        os.close(end_of_life)
        for worker in workers:
            os.waitpid(worker, 0)
    bound(IPV4_ANY, port).close()


run(forked_workers)
