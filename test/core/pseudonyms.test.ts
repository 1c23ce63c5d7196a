import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressKind, type Family, isWildcard } from "../../src/core/address.ts";
import { conflict } from "../../src/core/conflict.ts";
import { watcherName } from "../../src/core/notes-programs.ts";
import { Pseudonyms } from "../../src/core/pseudonyms.ts";
import { workloadOf } from "../../src/core/workload.ts";
import { party } from "./parties.ts";

const names = () => new Pseudonyms([[8080, 8080]]);

describe("addresses", () => {
  it.each(["0.0.0.0", "127.0.0.1", "127.8.9.10", "255.255.255.255", "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1"])(
    "%s stays",
    (address) => {
      expect(names().address(address)).toBe(address);
    },
  );

  it.each([
    ["10.0.0.1", "198.18.0.1"],
    ["8.8.8.8", "198.18.0.1"],
    ["239.1.2.3", "233.252.0.1"],
    ["0.1.2.3", "0.0.0.1"],
    ["::ffff:10.0.0.1", "::ffff:198.18.0.1"],
    ["2a01:4f8::1", "2001:db8::1"],
    ["fe80::1234", "fe80::1"],
    ["ff02::fb", "ff02:db8::1"],
  ])("%s becomes %s", (address, other) => {
    expect(names().address(address)).toBe(other);
  });

  it("that differ stay different, and of the same kind", () => {
    const address = fc.oneof(
      fc.ipV4().map((text) => ["ipv4", text] as const),
      fc.ipV6().map((text) => ["ipv6", text] as const),
    );
    fc.assert(
      fc.property(fc.array(address, { maxLength: 40 }), (all) => {
        const pseudonyms = names();
        const others = all.map(([, text]) => pseudonyms.address(text));
        expect(new Set(others).size).toBe(new Set(all.map(([, text]) => text)).size);
        for (const [index, [family, text]] of all.entries()) {
          const other = others[index] as string;
          expect(isWildcard(family, other)).toBe(isWildcard(family, text));
          if (family === "ipv4") expect(addressKind(family, other).kind).toBe("v4");
        }
      }),
    );
  });

  it("of two sockets conflict as they did", () => {
    const kernel = fc.record({ bhash2: fc.boolean(), orphanUidIsZero: fc.boolean() });
    const address = fc.constantFrom<[Family, string]>(
      ...(["0.0.0.0", "127.0.0.1", "10.0.0.1", "10.0.0.2"] as const).map((text): [Family, string] => ["ipv4", text]),
      ...(["::", "::1", "2a01::1", "2a01::2", "fe80::1", "::ffff:10.0.0.1", "::ffff:0.0.0.0"] as const).map((text): [Family, string] => [
        "ipv6",
        text,
      ]),
    );
    const side = fc.record({
      at: address,
      uid: fc.constantFrom(0, 5, 1000, 4711),
      reuseAddr: fc.boolean(),
      reusePort: fc.boolean(),
      ipv6Only: fc.boolean(),
      state: fc.constantFrom("LISTEN" as const, "BOUND" as const, "TIME_WAIT" as const),
    });
    fc.assert(
      fc.property(side, side, kernel, (a, b, traits) => {
        const pseudonyms = names();
        const made = ({ at: [family, text], uid, ...rest }: typeof a, redact: boolean) => {
          const [address, user] = redact ? [pseudonyms.address(text), pseudonyms.user(uid)] : [text, uid];
          return party(address, "", { ...rest, family, uid: user });
        };
        expect(conflict(made(a, true), made(b, true), traits)).toBe(conflict(made(a, false), made(b, false), traits));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("words", () => {
  it.each([
    ["/usr/bin/python3 -m http.server 8080", "/usr/bin/python3 -m name-1 8080"],
    ["/usr/bin/node /srv/shop/server.js --port 8081 --key=hunter2", "/usr/bin/node folder-1/server.js --port 8081 --name-1=name-2"],
    ["python3.11 shop.py 4711", "python3.11 name-1.py name-2"],
    ["nginx: master process /usr/sbin/nginx -c /etc/nginx/shop.conf", "nginx: master process /usr/sbin/nginx -c folder-1/name-1"],
    ["gunicorn: worker [shop:app]", "gunicorn: worker name-1"],
    ["node --inspect=10.1.2.3:9230 shop", "node --inspect=198.18.0.1:9230 name-1"],
    ["socat TCP-LISTEN:8080 10.1.2.3:8080", "socat name-1 198.18.0.1:8080"],
    ["sshd: alice [priv]", "sshd: name-1 name-2"],
    ["shop /opt/shop/shop shop", "name-1 folder-1/name-1 name-1"],
    ["a  b", "name-1  name-2"],
    ["", ""],
    ["- -- -9", "- -- -name-1"],
  ])("%s becomes %s", (text, other) => {
    expect(names().words(text)).toBe(other);
  });

  it("differ where they differed: no two command lines become the same", () => {
    const word = fc.oneof(
      fc.constantFrom(
        "node",
        "/usr/bin/node",
        "/opt/node",
        "--port",
        "8080",
        "--watch",
        "-",
        "--",
        "a",
        "a.js",
        "/a",
        "a/",
        "--a",
        "-a",
        "a=",
        "=",
      ),
      fc.stringMatching(/^[-/.=:a1 ]{0,6}$/),
    );
    const command = fc.array(word, { maxLength: 4 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(fc.array(command, { maxLength: 30 }), (all) => {
        const pseudonyms = names();
        expect(new Set(all.map((one) => pseudonyms.words(one))).size).toBe(new Set(all).size);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    "/usr/bin/node /srv/x/node_modules/.bin/nodemon --exec foo server.js",
    "node --secret /srv/x/node_modules/tsx/dist/cli.mjs watch a.ts",
    "node --watch-path=/srv/shop shop.js",
    "/opt/node/bin/node /srv/next/node_modules/.bin/next dev -p 3000",
    "node /x/nodemon.js",
  ])("of a watcher are those of the same one: %s", (command) => {
    const running = { pid: 1, comm: "node", program: "node", command };
    expect(watcherName(running)).not.toBeNull();
    expect(watcherName({ ...running, command: names().words(command) })).toBe(watcherName(running));
  });
});

describe("control groups", () => {
  const id = "0123456789abcdef".repeat(4);
  it.each([
    ["/", "/"],
    ["/system.slice/nginx.service", "/system.slice/nginx.service"],
    ["/system.slice/shop.service", "/system.slice/unit-1.service"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service", "/system.slice/unit-1.service"],
    [`/system.slice/docker-${id}.scope`, `/docker-000000000001${"0".repeat(52)}.scope`],
    ["/lxc.payload.shop/system.slice/nginx.service", "/lxc.payload.container-1/system.slice/nginx.service"],
    ["/no/unit/at/all", "/"],
  ])("%s becomes %s", (path, other) => {
    expect(names().group(path)).toBe(other);
  });

  it("name a unit, a container and a pod where they did", () => {
    const path = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12ab_34.slice/cri-containerd-${id}.scope/system.slice/a.service`;
    expect(Object.values(workloadOf(path)).every((one) => one !== null)).toBe(true);
    expect(workloadOf(names().group(path))).toEqual({
      pod: "00000001-0000-0000-0000-000000000000",
      container: `000000000002${"0".repeat(52)}`,
      unit: "unit-3.service",
    });
  });
});

it.each([
  ["DB_PASSWORD_hunter2", "name-1"],
  ["hunter2=hunter3", "name-1=name-2"],
  ["pm_id=hunter2", "pm_id=name-1"],
  ["", ""],
])("the mark %j, which bindtrace does not record, becomes %j", (mark, other) => {
  expect(names().mark(mark)).toBe(other);
});

it("marks keep their names, and values that runtimes gave", () => {
  expect(
    ["pm_id", "exec_mode=fork_mode", "npm_lifecycle_event=start", "npm_lifecycle_event=shop"].map((mark) => names().mark(mark)),
  ).toEqual(["pm_id", "exec_mode=fork_mode", "npm_lifecycle_event=start", "npm_lifecycle_event=name-1"]);
});
