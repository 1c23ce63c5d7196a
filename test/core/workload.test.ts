import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Workload, workloadOf } from "../../src/core/workload.ts";

const ID = "9e073649debeec6d511391c9ec7627ee67ce3a3fb508b0fa0437a97f8e58ba98";
const OUTER = "d6701ec289c56e4391acb11d07474b3139466857a305490575508a8b7a9fcf22";
const POD = "2ca4a155-3599-498d-bb9d-4446693fa3ea";
const POD_ = "2ca4a155_3599_498d_bb9d_4446693fa3ea";

const told = (changes: Partial<Workload>): Workload => ({ unit: null, container: null, pod: null, ...changes });
const inPod = told({ container: ID, pod: POD });

describe("systemd's units", () => {
  it.each([
    ["/init.scope", "init.scope"],
    ["/system.slice/nginx.service", "nginx.service"],
    ["/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"],
    ["/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main.service"],
    ["/my.slice/my-web.slice/my-web-shop.slice/shop.service", "shop.service"],
    ["/system.slice/dev-disk-by\\x2duuid-1f4c.swap", "dev-disk-by\\x2duuid-1f4c.swap"],
    ["/system.slice/nginx.socket", "nginx.socket"],
    // The groups below a service are its own, whatever their names.
    ["/system.slice/nginx.service/control", "nginx.service"],
    ["/system.slice/haproxy.service/workers/web.service", "haproxy.service"],
    // A unit that is named like a controller of the kernel.
    ["/system.slice/_cpu.service", "cpu.service"],
    ["/user.slice/user-1000.slice/session-3.scope", "session-3.scope"],
    ["/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/app-foo.service", "app-foo.service"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-f2.scope", "vte-spawn-f2.scope"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/app-dev.service/sub/x.service", "app-dev.service"],
    ["/user.slice/user-1000.slice/user@1000.service", "user@1000.service"],
    // A virtual machine is no container: the process is the one that runs it.
    ["/machine.slice/machine-qemu\\x2d1\\x2ddebian.scope/libvirt/emulator", "machine-qemu\\x2d1\\x2ddebian.scope"],
    // As seen from a control group namespace further in.
    ["/../../system.slice/cron.service", "cron.service"],
    // conmon holds the ports of a container, and is not in it.
    [`/machine.slice/libpod-conmon-${ID}.scope`, `libpod-conmon-${ID}.scope`],
    [`/system.slice/crio-conmon-${ID}.scope`, `crio-conmon-${ID}.scope`],
    ["/system.slice/quadlet.service/runtime", "quadlet.service"],
    // The other half of a container that systemd-nspawn watches.
    ["/machine.slice/systemd-nspawn@debian.service/supervisor", "systemd-nspawn@debian.service"],
    // Not nspawn's: systemd keeps its containers in machine.slice.
    ["/system.slice/upload.scope/payload", "upload.scope"],
    ["/machine.slice/upload.service/payload", "upload.service"],
  ])("%s is %s", (path, unit) => expect(workloadOf(path)).toEqual(told({ unit })));
});

describe("containers", () => {
  it.each<[string, string, Partial<Workload>]>([
    ["docker, systemd", `/system.slice/docker-${ID}.scope`, {}],
    ["docker, cgroupfs", `/docker/${ID}`, {}],
    ["docker with --cgroup-parent", `/my.slice/docker-${ID}.scope`, {}],
    ["rootless docker", `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`, {}],
    ["a unit of the systemd in one", `/docker/${ID}/system.slice/nginx.service`, { unit: "nginx.service" }],
    ["a unit of the systemd in a scope", `/system.slice/docker-${ID}.scope/system.slice/cron.service`, { unit: "cron.service" }],
    ["the init of one", `/system.slice/docker-${ID}.scope/init.scope`, { unit: "init.scope" }],
    ["podman", `/machine.slice/libpod-${ID}.scope/container`, {}],
    ["podman, cgroupfs", `/libpod_parent/libpod-${ID}`, {}],
    ["a pod of podman", `/machine.slice/machine-libpod_pod_${OUTER}.slice/libpod-${ID}.scope/container`, {}],
    ["podman in a service", `/system.slice/web.service/libpod-payload-${ID}`, { unit: "web.service" }],
    ["rootless podman", `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container`, {}],
    ["podman in a session", `/user.slice/user-0.slice/session-3.scope/libpod-${ID}`, { unit: "session-3.scope" }],
    ["nerdctl", `/system.slice/nerdctl-${ID}.scope`, {}],
    ["containerd, cgroupfs", `/default/${ID}`, {}],
    ["a container in a container", `/docker/${OUTER}/docker/${ID}`, {}],
    ["LXC", "/lxc.payload.web-1", { container: "web-1" }],
    ["a unit in LXC", "/lxc.payload.web-1/system.slice/nginx.service", { container: "web-1", unit: "nginx.service" }],
    ["LXC 3", "/lxc.payload/web-1/init.scope", { container: "web-1", unit: "init.scope" }],
    ["Proxmox", "/lxc/101/ns/system.slice/nginx.service", { container: "101", unit: "nginx.service" }],
    ["LXC's monitor", "/lxc.monitor.web-1", { container: null }],
    ["nspawn", "/machine.slice/machine-debian\\x2dtree.scope/payload", { container: "debian-tree" }],
    ["nspawn by its own scope", "/machine.slice/debian-tree.scope/payload/init.scope", { container: "debian-tree", unit: "init.scope" }],
    [
      "nspawn as a service",
      "/machine.slice/systemd-nspawn@debian.service/payload",
      { container: "debian", unit: "systemd-nspawn@debian.service" },
    ],
    ["a pod of podman, its conmon", `/libpod_parent/${OUTER}/conmon`, { container: null }],
    ["too short an id", `/docker/${ID.slice(1)}`, { container: null }],
    [
      "podman's build",
      "/user.slice/user-1000.slice/user@1000.service/user.slice/podman-6696.scope",
      { container: null, unit: "podman-6696.scope" },
    ],
  ])("%s: %s", (_, path, changes) => expect(workloadOf(path)).toEqual(told({ container: ID, ...changes })));
});

describe("pods of Kubernetes", () => {
  const SYSTEMD = "/kubepods.slice/kubepods-burstable.slice";
  it.each<[string, string, Workload]>([
    ["containerd", `${SYSTEMD}/kubepods-burstable-pod${POD_}.slice/cri-containerd-${ID}.scope`, inPod],
    ["CRI-O", `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${POD_}.slice/crio-${ID}.scope`, inPod],
    ["CRI-O with crun", `${SYSTEMD}/kubepods-burstable-pod${POD_}.slice/crio-${ID}.scope/container`, inPod],
    ["guaranteed", `/kubepods.slice/kubepods-pod${POD_}.slice/cri-containerd-${ID}.scope`, inPod],
    ["docker", `${SYSTEMD}/kubepods-burstable-pod${POD_}.slice/docker-${ID}.scope`, inPod],
    ["cgroupfs", `/kubepods/burstable/pod${POD}/${ID}`, inPod],
    ["cgroupfs, guaranteed", `/kubepods/pod${POD}/${ID}`, inPod],
    [
      "a static pod",
      `${SYSTEMD}/kubepods-burstable-pod187bff14cccb94f179e943eacce55bb3.slice/cri-containerd-${ID}.scope`,
      { ...inPod, pod: "187bff14cccb94f179e943eacce55bb3" },
    ],
    ["in minikube", `/docker/${OUTER}/kubepods.slice/kubepods-pod${POD_}.slice/crio-${ID}.scope`, inPod],
    [
      "in kind",
      `/docker/${OUTER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${POD_}.slice/cri-containerd-${ID}.scope`,
      inPod,
    ],
    ["in kind, cgroupfs", `/docker/${OUTER}/kubelet/kubepods/besteffort/pod${POD}/${ID}`, inPod],
    ["the kubelet of kind", `/docker/${OUTER}/system.slice/kubelet.service`, told({ container: OUTER, unit: "kubelet.service" })],
    ["drivers that differ", `/kubepods-burstable-pod${POD_}.slice:cri-containerd:${ID}`, inPod],
    [
      "drivers that differ, below containerd",
      `/system.slice/containerd.service/kubepods-burstable-pod${POD_}.slice:cri-containerd:${ID}`,
      { ...inPod, unit: "containerd.service" },
    ],
    [
      "CRI-O's conmon",
      `${SYSTEMD}/kubepods-burstable-pod${POD_}.slice/crio-conmon-${ID}.scope`,
      told({ pod: POD, unit: `crio-conmon-${ID}.scope` }),
    ],
    ["not the kubelet's", `/backup/pod${POD}`, told({})],
  ])("%s: %s", (_, path, workload) => expect(workloadOf(path)).toEqual(workload));
});

describe("a path that tells nothing", () => {
  it.each([null, "", "/", "/system.slice", "/user.slice/user-1000.slice", "/sadfdsafsda", "/openrc.nginx", "/system.slice/getty@.service"])(
    "%s",
    (path) => expect(workloadOf(path)).toEqual(told({})),
  );
});

describe("whatever the names", () => {
  const id = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });
  const word = fc
    .string({ unit: fc.constantFrom(..."abcXYZ019:_.\\"), minLength: 1, maxLength: 8 })
    .filter((text) => !text.startsWith("_"));
  const slices = fc.array(word.map((name) => `/${name}.slice`)).map((names) => names.join(""));
  const unit = fc
    .tuple(word, fc.option(word), fc.constantFrom("service", "scope", "socket"))
    .map(([name, instance, type]) => `${name}${instance === null ? "" : `@${instance}`}.${type}`);

  it("the first unit below the slices counts, and nothing below that", () => {
    fc.assert(
      fc.property(slices, unit, fc.array(fc.oneof(unit, word)), (outer, name, inner) => {
        expect(workloadOf([`${outer}/${name}`, ...inner].join("/"))).toEqual(told({ unit: name }));
      }),
    );
  });

  it("a pod and its container are found under either driver", () => {
    const quality = fc.constantFrom("", "burstable", "besteffort");
    fc.assert(
      fc.property(fc.uuid(), id, quality, (pod, container, qos) => {
        const parts = qos === "" ? [] : [qos];
        const slice = ["kubepods", ...parts, `pod${pod.replaceAll("-", "_")}`].join("-");
        expect(workloadOf(`/kubepods.slice/${slice}.slice/crio-${container}.scope`)).toEqual(told({ pod, container }));
        expect(workloadOf(`/${["kubepods", ...parts, `pod${pod}`, container].join("/")}`)).toEqual(told({ pod, container }));
      }),
    );
  });

  it("nothing is told that is not in the path", () => {
    const segment = fc.oneof(
      fc.string({ unit: "binary" }),
      unit,
      id,
      fc.constantFrom("lxc", "payload", "machine.slice", "kubepods", "conmon"),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
        const path = `/${segments.join("/")}`;
        const { unit: name, container, pod } = workloadOf(path);
        for (const part of [name, container, pod]) expect(part === null || (part !== "" && path.includes(part))).toBe(true);
      }),
    );
  });
});
