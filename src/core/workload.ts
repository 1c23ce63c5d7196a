/** What a process runs as, by the path of its control group. */
export interface Workload {
  unit: string | null;
  container: string | null;
  pod: string | null;
}

export function workloadOf(_cgroup: string | null): Workload {
  return { unit: null, container: null, pod: null };
}
