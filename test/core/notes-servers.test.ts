import { describe, expect, it } from "vitest";
import type { EventOf } from "../../src/core/event.ts";
import { bind, connection, facts, fork, listen, MS, told } from "../helpers/events.ts";
import { AT, holder, noted, SYSTEMD } from "./noted.ts";

const INIT = told(1, { comm: "systemd", program: "systemd", command: "/sbin/init", ancestors: [] });
const PYTHON = { comm: "python3", program: "python3.11", command: "python3 server.py" };
const binder = told(20, PYTHON);
const held = (...pids: number[]) => ({ holders: pids.map((pid) => holder(pid)), call: { comm: "python3" } });

describe("systemd-socket", () => {
  it("is said where systemd holds the socket", () => {
    expect(noted([INIT, binder], { holders: [holder(1, { comm: "systemd", command: "/sbin/init" })] })).toEqual({
      "systemd-socket": "systemd[1] holds it, as it holds those of .socket units: systemctl list-sockets names the unit to stop",
    });
  });

  it("speaks of the service manager of a user", () => {
    const manager = told(800, { comm: "systemd", program: "systemd", command: "/lib/systemd/systemd --user" });
    expect(noted([manager, binder], { holders: [holder(800, { comm: "systemd" })] })["systemd-socket"]).toBe(
      "systemd[800] holds it, as it holds those of .socket units: systemctl --user list-sockets names the unit to stop",
    );
  });

  it("is said of a service that got it", () => {
    expect(noted([told(10, { marks: ["LISTEN_FDS", "LISTEN_PID"] }), binder], held(10))).toEqual({
      "systemd-socket":
        "node[10] was started with sockets (LISTEN_FDS), maybe with this one: systemctl list-sockets tells whether a .socket unit has it",
    });
  });

  it("names the service", () => {
    const service = told(10, { cgroup: "/system.slice/app.service", marks: ["LISTEN_FDS", "LISTEN_PID"] });
    const two = { holders: [holder(1, { comm: "systemd", command: "/sbin/init" }), holder(10)] };
    expect(noted([INIT, service, binder], two)["systemd-socket"]).toBe(
      "systemd[1] holds it, for a .socket unit that starts app.service: systemctl list-sockets names the unit to stop",
    );
    expect(noted([service, binder], held(10))["systemd-socket"]).toMatch("node[10] was started as app.service with sockets (LISTEN_FDS),");
    const scope = { ...service, cgroup: "/user.slice/user-1000.slice/session-3.scope" };
    expect(noted([scope, binder], held(10))["systemd-socket"]).toMatch("node[10] was started with sockets (LISTEN_FDS),");
  });

  it("is said of systemd-socket-activate, and of the program that it has become", () => {
    const activator = { comm: "systemd-socket-", command: "systemd-socket-activate -l 8080 node server.js" };
    expect(noted([binder], { holders: [holder(10, activator)] })).toEqual({
      "systemd-socket": "systemd-socket-[10] holds it for the program that it starts when somebody connects",
    });
    expect(noted([told(10, { program: "systemd-socket-activate" }), binder], held(10))).toHaveProperty("systemd-socket");
    const bound = listen({ t: MS, pid: 10, comm: "systemd-socket-", socket: facts() });
    expect(noted([bound, told(10, { marks: ["LISTEN_FDS"] }), binder], { ...held(10), seeded: false })["systemd-socket"]).toBe(
      "node[10] was started with this socket (LISTEN_FDS): systemctl list-sockets tells whether a .socket unit has it",
    );
  });

  it.each<[string, EventOf<"process">]>([
    ["of pid 1 of a container", told(1)],
    ["of another pid 1 called init", told(1, { comm: "init", program: "busybox" })],
    ["of a service without sockets", told(1, { marks: ["INVOCATION_ID"] })],
  ])("is not said %s", (_, process) => {
    expect(noted([process, binder], held(1))).not.toHaveProperty("systemd-socket");
  });

  it("is not said of a socket that the service has bound itself, nor of a connection", () => {
    const bound = bind({ t: MS, pid: 10, socket: facts({ state: "BOUND" }) });
    const activated = told(10, { marks: ["LISTEN_FDS", "LISTEN_PID"] });
    expect(noted([bound, activated, binder], { ...held(10), seeded: false })).toEqual({});
    expect(noted([activated, binder], { ...held(10), owners: [connection({ inode: 100 })] })).toEqual({});
  });
});

describe("docker-proxy", () => {
  const proxy = (command: string) => noted([told(10, { comm: "docker-proxy", program: "docker-proxy", command }), binder], held(10));

  it("names the container's address", () => {
    const flags = "-proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80 -use-listen-fd";
    expect(proxy(`/usr/bin/docker-proxy ${flags}`)).toEqual({
      "docker-proxy": "node[10] publishes this port for the container at 172.17.0.2 port 80: docker ps --filter publish=8080 names it",
    });
    expect(proxy("docker-proxy --container-ip=fd00::2 --container-port=80")["docker-proxy"]).toContain("at fd00::2 port 80:");
  });

  it("does without it", () => {
    for (const flags of ["-container-ip 172.17.0.2 -container-port x80", "-container-ip ? -container-port 80"]) {
      expect(proxy(`docker-proxy ${flags}`)).toEqual({
        "docker-proxy": "node[10] publishes this port for the container: docker ps --filter publish=8080 names it",
      });
    }
  });

  it("is not said of a program that has only such options", () => {
    const command = "proxy -container-ip 172.17.0.2 -container-port 80";
    expect(noted([told(10, { program: "proxy", command }), binder], held(10))).toEqual({});
  });
});

describe("a server of a master and workers", () => {
  const parent = (pid: number, comm: string, program: string) => [{ pid, comm, program }, SYSTEMD];
  const nginx = (pid: number, command: string, ancestors: EventOf<"process">["ancestors"] = [SYSTEMD]) =>
    told(pid, { comm: "nginx", program: "nginx", command, ancestors });
  const worker = nginx(11, "nginx: worker process", parent(10, "nginx", "nginx"));

  it("has a master to end, where that holds the socket as well", () => {
    const message = "node[10] is the master of nginx: SIGTERM to it ends its workers too and frees the port, ending a worker does not";
    expect(noted([nginx(10, "nginx: master process /usr/sbin/nginx"), worker, binder], held(11, 10))).toEqual({ "server-master": message });
  });

  it("has a worker whose master is the one to end", () => {
    expect(noted([worker, binder], held(11))).toEqual({
      "server-worker": "node[11] is a worker of nginx: end its master nginx[10], which may replace a worker that ends",
    });
  });

  it("has a worker that outlived its master", () => {
    const left = nginx(11, "nginx: worker process is shutting down");
    expect(noted([left, binder], held(11))).toEqual({
      "server-worker": "node[11] is a worker of nginx that outlived its master: it keeps the port until it ends as well",
    });
  });

  it.each<[string, string, string, string]>([
    ["gunicorn", "python3.11", "gunicorn: master [app:app]", "gunicorn: worker [app:app]"],
    ["unicorn", "ruby", "unicorn master -c unicorn.rb", "unicorn worker[0] -c unicorn.rb"],
    ["unicorn", "ruby", "unicorn_rails master -E production", "unicorn_rails worker[3] -E production"],
    ["php-fpm", "php-fpm8.2", "php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)", "php-fpm: pool www"],
  ])("is %s of %s by the titles of its processes", (server, program, master, title) => {
    const above = parent(10, "any", program);
    expect(noted([told(10, { program, command: master, ancestors: [SYSTEMD] }), binder], held(10))["server-master"]).toMatch(
      `node[10] is the master of ${server}:`,
    );
    const found = noted([told(11, { program, command: title, ancestors: above }), binder], held(11));
    expect(found["server-worker"]).toMatch(`node[11] is a worker of ${server}: end its master any[10],`);
  });

  it("is Puma by the title of a worker", () => {
    const puma = told(11, { program: "ruby", command: "puma: cluster worker 0: 10 [app]", ancestors: parent(10, "ruby", "ruby") });
    expect(noted([puma, binder], held(11))["server-worker"]).toMatch("node[11] is a worker of puma: end its master ruby[10],");
  });

  it.each<[string, string, string, string]>([
    ["apache2", "apache2", "apache2", "/usr/sbin/apache2 -k start"],
    ["haproxy", "haproxy", "haproxy", "haproxy -W -f haproxy.cfg"],
    ["gunicorn", "gunicorn", "python3.11", "/srv/bin/python3 /srv/bin/gunicorn -w 2 app:app"],
  ])("is %s without titles, by a parent or child of the same server", (server, comm, program, command) => {
    const of = (pid: number, ancestors: EventOf<"process">["ancestors"]) => told(pid, { comm, program, command, ancestors });
    const two = [of(10, [SYSTEMD]), of(11, parent(10, comm, program)), binder];
    expect(noted(two, held(11, 10))["server-master"]).toMatch(`node[10] is the master of ${server}:`);
    expect(noted(two, held(11))["server-worker"]).toMatch(`node[11] is a worker of ${server}: end its master ${comm}[10],`);
  });

  it("is uvicorn, whose workers are fresh interpreters", () => {
    const master = told(10, {
      comm: "uvicorn",
      program: "python3.11",
      command: "python3 /srv/bin/uvicorn --workers 2 app:app",
      ancestors: [SYSTEMD],
    });
    const command =
      "python3 -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=7, pipe_handle=9) --multiprocessing-fork";
    const spawned = told(11, { ...PYTHON, command, ancestors: parent(10, "uvicorn", "python3.11") });
    expect(noted([master, spawned, binder], held(11, 10))["server-master"]).toMatch("node[10] is the master of uvicorn:");
    expect(noted([spawned, binder], held(11))["server-worker"]).toMatch("node[11] is a worker of uvicorn: end its master uvicorn[10],");
  });

  it("is not said of a server that is one process, nor of one that only looks alike", () => {
    const uvicorn = told(10, { comm: "uvicorn", program: "python3.11", command: "python3 /srv/bin/uvicorn app:app" });
    expect(noted([uvicorn, binder], held(10))).toEqual({});
    expect(noted([nginx(10, "nginx -g daemon off; master_process off;"), binder], held(10))).toEqual({});
    const child = told(11, { ...PYTHON, ancestors: parent(10, "python3", "python3.11") });
    expect(noted([told(10, { ...PYTHON, command: "python3 prefork.py" }), child, { ...binder, command: "" }], held(11, 10))).toEqual({});
    const cat = told(11, { program: "cat", command: "cat", ancestors: parent(10, "apache2", "apache2") });
    const apache = told(10, { program: "apache2", command: "apache2" });
    expect(noted([apache, cat, binder], held(11, 10))).toEqual({});
  });

  it.each([
    "nginx: master process",
    "nginx: worker process",
    "gunicorn: master",
    "gunicorn: worker",
    "unicorn master",
    "unicorn worker[0]",
    "puma: cluster worker",
    "php-fpm: master process",
    "php-fpm: pool www",
  ])("is not said of a program that has %s among its words", (words) => {
    expect(
      noted([told(10, { ...PYTHON, command: `grep ${words}`, ancestors: parent(9, "python3", "python3.11") }), binder], held(10)),
    ).toEqual({});
  });

  it("is not said where nothing tells of a worker's parent", () => {
    expect(noted([nginx(11, "nginx: worker process", []), binder], held(11))).toEqual({});
  });

  it("silences that the master has outlived what started it", () => {
    const exit = { type: "exit" as const, t: 2 * MS, pid: 9, comm: "nginx", code: 0, signal: 0 };
    const master = { ...nginx(10, "nginx: master process nginx"), t: AT };
    expect(Object.keys(noted([fork(MS, 9, 10), exit, master, binder], held(10)))).toEqual(["server-master"]);
  });
});
