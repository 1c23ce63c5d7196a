"""Twenty times the pid of a dead server goes to a bystander, and that of the last binder to the next."""

import ctypes
import os
import time
from errno import EADDRINUSE
from pathlib import Path
from socket import socket

from stage import IPV4_ANY, Trace, holders, instant, same, until, wrong

PORT, ROUNDS = 18310, 20
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
TRIES = 2000
APART = 1000
"""So far away from the others is a pid that is to be used again."""
PR_SET_CHILD_SUBREAPER = 36
TICK = 20_000_000
"""Start times are told in ticks of 10 ms, and clocks paired."""


def named(name: str) -> None:
    Path("/proc/self/comm").write_text(name)


def fork_as(wanted: int, run) -> int:
    """Forks until the child has this pid, which others of the machine may take first."""
    for _ in range(TRIES):
        LAST_PID.write_text(str(wanted - 1))
        pid = os.fork()
        if pid == 0:
            if os.getpid() != wanted:
                os._exit(9)
            run()
            os._exit(0)
        if pid == wanted:
            return pid
        os.waitpid(pid, 0)
    wrong(f"pid {wanted} was not to be had")


def one(trace: Trace, round: int, server_pid: int, binder_pid: int) -> dict:
    told, tell = os.pipe()
    done, release = os.pipe()

    def server() -> None:
        named(f"server{round}")
        owner = socket()
        owner.bind((IPV4_ANY, PORT))
        owner.listen()
        LAST_PID.write_text(str(binder_pid + APART))
        keeper = os.fork()
        if keeper == 0:
            os.close(release)
            named(f"keeper{round}")
            os.write(tell, f"{os.getpid()} {owner.fileno()} {os.fstat(owner.fileno()).st_ino}\n".encode())
            os.read(done, 1)

    def bystander() -> None:
        os.close(release)
        named(f"bystander{round}")
        os.read(done, 1)

    def binder() -> None:
        named(f"binder{round}")
        with socket() as refused:
            try:
                refused.bind((IPV4_ANY, PORT))
            except OSError as error:
                if error.errno == EADDRINUSE:
                    os.write(tell, f"{os.fstat(refused.fileno()).st_ino}\n".encode())

    started = time.time_ns()
    os.waitpid(fork_as(server_pid, server), 0)
    keeper, fd, owner_inode = map(int, os.read(told, 100).split())
    fork_as(server_pid, bystander)
    os.waitpid(fork_as(binder_pid, binder), 0)
    binder_inode = int(os.read(told, 100))
    # Only while the keeper is there can it be found.
    until("reported", lambda: len(trace.failures) == round + 1)
    until("its holders", lambda: holders(trace, trace.failures[round])[1])
    os.close(release)
    os.waitpid(server_pid, 0)
    os.waitpid(keeper, 0)
    for pipe in (told, tell, done):
        os.close(pipe)
    return {"round": round, "started": started, "keeper": keeper, "fd": fd, "owner": owner_inode, "binder": binder_inode}


def judge(trace: Trace, failure: dict, true: dict) -> None:
    what = f"round {true['round']}"
    binder, (blocker,) = failure["binder"], failure["blockers"]
    same(f"{what}, binder", (binder["pid"], binder["comm"], binder["inode"]), (binder_pid, f"binder{true['round']}", true["binder"]))
    same(f"{what}, blocker", blocker["inode"], true["owner"])
    same(f"{what}, holders", holders(trace, failure), ([(true["keeper"], true["fd"])], True))
    opener = blocker["opener"]
    same(f"{what}, opener", (opener["pid"], opener["comm"]), (server_pid, f"server{true['round']}"))
    if opener["exitedAt"] is None or not true["started"] < instant(opener["exitedAt"]) < instant(failure["at"]):
        wrong(f"{what}: the server is told to have ended at {opener['exitedAt']}, the refusal was at {failure['at']}")
    for process in (binder["process"], opener["process"], blocker["holders"][0]["process"] if blocker["holders"] else None):
        if process and process["startedAt"] and instant(process["startedAt"]) < true["started"] - TICK:
            wrong(f"{what}: {process['comm']}[{process['pid']}] is told to have started at {process['startedAt']}, as another one did")


# The keepers become children of this process.
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
server_pid = int(LAST_PID.read_text()) + APART
binder_pid = server_pid + APART
trace = Trace("--port", str(PORT), "--netns", "self")
truth = []
for round in range(ROUNDS):
    truth.append(one(trace, round, server_pid, binder_pid))
ended = trace.stop()
ended.expect(1, ROUNDS)
for failure, true in zip(trace.failures, truth):
    judge(trace, failure, true)
exact = sum(failure["confidence"] == "exact" for failure in trace.failures)
print(f"{ROUNDS} of {ROUNDS} blamed on the keeper, none on the bystander that has the server's pid; {exact} exact")
