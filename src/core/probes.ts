/** How the programs of the kernel hook set are attached, or the tracepoints of the other. From the best. */
export const ATTACHMENTS = ["fentry", "kprobe", "tracepoint"] as const;
export type Attachment = (typeof ATTACHMENTS)[number];

/** Functions of the kernel that the kernel hook set probes, and what is lost where one of them cannot be. */
export const WITHOUT_PROBE = {
  inet_csk_bind_conflict: "the owners of a TCP port are looked at after the refusal, without the lock of their bucket",
  inet_bhash2_addr_any_conflict: "the owners of a TCP port are looked at after the refusal, without the lock of their bucket",
  udp_lib_lport_inuse: "the owners of a UDP port are looked at after the refusal, without the lock of their slot",
  udp_lib_lport_inuse2: "the owners of a UDP port are looked at after the refusal, without the lock of their slot",
  inet_bind_conflict: "at which owner of a TCP port the kernel stopped is not known",
  inet_rcv_saddr_equal: "at which owner of a UDP port the kernel stopped is not known",
  udp_lib_get_port: "the kernel's search for a UDP port is not seen",
  __sys_bind: "bind calls are seen only where the kernel looks for a port, without their descriptor",
  __sys_socket: "who made a socket is not known",
  __scm_send: "who sends a descriptor to another process is not seen",
  security_file_receive: "who receives a descriptor of another process is not seen",
  __sys_listen: "listen calls are seen only where the kernel looks for a port, without their descriptor",
  inet_autobind: "whether bind, connect or sendto asked for any free port is not known",
  inet_dgram_connect: "whether connect or sendto asked for any free port is not known",
  inet_release: "the last close of a socket is not seen",
  sk_setsockopt: "options that are set after bind are seen only at the next call or look",
  ipv6_setsockopt: "IPV6_V6ONLY that is set after bind is seen only at the next call or look",
  inet_csk_destroy_sock: "the end of a TCP socket is taken from the tracepoint tcp_destroy_sock",
  inet_put_port: "the release of a TCP port is taken to be the end of its socket",
  udp_lib_unhash: "the release of a UDP port is estimated",
  inet_twsk_bind_unhash: "the end of TIME_WAIT is estimated from its timer",
} as const;

export type OptionalProbe = keyof typeof WITHOUT_PROBE;
export const isOptionalProbe = (name: string): name is OptionalProbe => Object.hasOwn(WITHOUT_PROBE, name);
