"""A refused bind in network and PID namespaces of its own, three times, one PID namespace deeper each time."""

import json
import subprocess
import sys

from stage import Trace, same, until

PORT, ROUNDS = 18340, 3
SCRIPT = """
import json, os, sys
from socket import socket
with socket() as owner, socket() as binder:
    owner.bind(("0.0.0.0", int(sys.argv[1])))
    owner.listen()
    try:
        binder.bind(("0.0.0.0", int(sys.argv[1])))
    except OSError:
        netns = os.stat("/proc/self/ns/net").st_ino
        status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
        print(json.dumps([netns, os.getpid(), owner.fileno(), os.fstat(owner.fileno()).st_ino, os.fstat(binder.fileno()).st_ino]), flush=True)
        sys.stdin.read()
"""

trace = Trace("--port", str(PORT))
for round in range(ROUNDS):
    deeper = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] * (round + 1)
    command = ["unshare", "--net", *deeper, "sh", "-c", 'ip link set lo up && exec python3 -c "$0" "$1"', SCRIPT, str(PORT)]
    inside = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    netns, pid, fd, owner, binder = json.loads(inside.stdout.readline())
    until("reported", lambda: len(trace.failures) == round + 1)
    failure = trace.failures[-1]
    outer = failure["binder"]["pid"]
    status = dict(line.split(":", 1) for line in open(f"/proc/{outer}/status"))
    pids = list(map(int, status["NSpid"].split()))
    same("network namespace", failure["netns"], netns)
    same("pid inside", (pids[-1], failure["binder"]["nsPid"]), (pid, pid))
    same("pids of every namespace", (len(pids), failure["binder"]["process"]["nsPids"]), (round + 2, pids))
    same("sockets", (failure["binder"]["inode"], [b["inode"] for b in failure["blockers"]]), (binder, [owner]))
    same("holders", [(h["pid"], h["fd"]) for h in failure["blockers"][0]["holders"]], [(outer, fd)])
    inside.communicate("")
ended = trace.stop()
ended.expect(1, ROUNDS)
print(f"{ROUNDS} of {ROUNDS} with their network namespace, and the pid on the machine and in each PID namespace")
