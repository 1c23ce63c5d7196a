import { describe, expect, it } from "vitest";
import { openLab } from "../helpers/lab.ts";
import { labProblem, transcribe, useLab } from "../helpers/lab-session.ts";

describe.skipIf(labProblem !== null)("connections in the lab", () => {
  const { says } = useLab();

  /** A connection of k to a server on 127.0.0.1:8080 that has it as s; returns k's port. */
  async function connection(): Promise<string> {
    const { port } = await says(`
      socket l tcp 4
      set l reuseaddr 1
      bind l 127.0.0.1 8080 -> ok port=8080
      listen l              -> ok port=8080
      socket k tcp 4
      connect k 127.0.0.1 8080
    `);
    await says(`accept l s -> ok address=127.0.0.1 port=${port}`);
    return port as string;
  }

  it("carry data", async () => {
    const port = await connection();
    await says(`
      send k hello     -> ok bytes=5
      recv s           -> ok bytes=5 text=hello
      shutdown k wr
      recv s           -> ok bytes=0
      send k more      -> EPIPE
      dup s t
      close s
      send t late      -> ok bytes=4
      recv k           -> ok bytes=4 text=late
    `);
    const names = await says("name t");
    expect(names).toMatchObject({ address: "127.0.0.1", port: "8080", peer: "127.0.0.1", peerport: port, state: "CLOSE_WAIT" });
  });
  it("go to TIME_WAIT, which refuses a binder without SO_REUSEADDR", async () => {
    const port = await connection();
    await says(`
      close l
      close s
      close k
      await 127.0.0.1 8080 127.0.0.1 ${port} TIME_WAIT -> ok state=TIME_WAIT timewait=yes uid=0 inode=0
      await 127.0.0.1 ${port} 127.0.0.1 8080 none      -> ok state=none
      socket b tcp 4
      bind b 127.0.0.1 8080 -> EADDRINUSE
      set b reuseaddr 1
      bind b 127.0.0.1 8080 -> ok port=8080
    `);
  });
  it("wait in FIN_WAIT2 as orphans, at once or later as minisockets", async () => {
    const atOnce = await connection();
    await says(`
      close s
      await 127.0.0.1 8080 127.0.0.1 ${atOnce} FIN_WAIT2 -> ok state=FIN_WAIT2 timewait=yes uid=0 inode=0
      reset network
      sysctl net/ipv4/tcp_fin_timeout 90
    `);
    const later = await connection();
    await says(`
      close s
      await 127.0.0.1 8080 127.0.0.1 ${later} FIN_WAIT2 -> ok state=FIN_WAIT2 timewait=no uid=0 inode=0
    `);
  });
  it("leave nothing after a reset, by linger or by disconnect", async () => {
    const port = await connection();
    await says(`
      set s linger 0
      close s
      await 127.0.0.1 8080 127.0.0.1 ${port} none
      await 127.0.0.1 ${port} 127.0.0.1 8080 none
      recv k                -> ECONNRESET
      disconnect l
      close l
      socket b tcp 4
      bind b 127.0.0.1 8080 -> ok port=8080
    `);
  });
  it.each([
    ["tcp_diag", []],
    ["/proc/net/tcp", ["--no-diag"]],
  ])("are looked up by %s", async (_way, args) => {
    const one = openLab({ netns: true, args });
    try {
      const { port } = await transcribe(
        one,
        `
        user 65534
        socket l tcp 6
        bind l :: 8080
        listen l
        socket k tcp 4
        connect k 127.0.0.1 8080
        `,
      );
      const mapped = await transcribe(one, "accept l s");
      expect(mapped).toEqual({ address: "::ffff:127.0.0.1", port });
      const v6 = await transcribe(
        one,
        `
        socket m tcp 6
        set m device lo
        connect m ::1 8080
        `,
      );
      const inode = (await transcribe(one, "name s")).inode;
      await transcribe(
        one,
        `
        await 127.0.0.1 8080 127.0.0.1 ${port} ESTABLISHED               -> ok state=ESTABLISHED timewait=no uid=65534 inode=${inode}
        await ::ffff:127.0.0.1 8080 ::ffff:127.0.0.1 ${port} ESTABLISHED -> ok state=ESTABLISHED timewait=no uid=65534 inode=${inode}
        await ::1 ${v6.port} ::1 8080 ESTABLISHED lo
        await :: 8080 :: 0 LISTEN
        await ::1 8080 ::1 1 none                                        -> ok state=none
        deadline 0
        await ::1 ${v6.port} ::1 8080 TIME_WAIT -> error: it is in state ESTABLISHED after 1 ms
        close m
        deadline 5000
        await ::1 ${v6.port} ::1 8080 FIN_WAIT2 -> ok state=FIN_WAIT2 timewait=yes uid=0 inode=0
        `,
      );
    } finally {
      await one.close();
    }
  });
  it("are not waited for without end", () =>
    says(`
      deadline 20
      socket l tcp 4
      bind l 127.0.0.1 8080
      listen l 0
      accept l s               -> EINTR
      socket a tcp 4
      connect a 127.0.0.1 8080
      recv a                   -> EINTR
      socket b tcp 4
      connect b 127.0.0.1 8080 -> EINTR
      socket m mptcp 4
      bind m 127.0.0.1 8081
      listen m
      accept m s               -> EINTR
      socket c tcp 4
      connect c 127.0.0.1 9    -> ECONNREFUSED
    `));
});
