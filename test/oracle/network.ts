/** Lines by which a connection's states follow at once in this namespace, and none makes way for another. */
export const steadyNetwork = (ipv6: readonly string[]): string[] => [
  // Else the answer to the end of a connection takes its time (tcp_in_quickack_mode).
  ...["127.0.0.0/8", "127.0.0.1"].map((to) => `ip route replace local ${to} dev lo scope host src 127.0.0.1 table local quickack 1`),
  ...ipv6.flatMap((to) => [`ip -6 route del local ${to} table local`, `ip -6 route add local ${to} dev lo table local quickack 1`]),
  // A connection that is made anew must not take TIME_WAIT away, nor may there be too many.
  "sysctl net.ipv4.tcp_tw_reuse 0",
  "sysctl net.ipv4.tcp_max_tw_buckets 2000000",
];
