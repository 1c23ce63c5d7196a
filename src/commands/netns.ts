import { namespaceId } from "../probe/namespaces.ts";
import { EXIT, Failure } from "./failure.ts";

/** Above every pid (pid_max is at most 2^22): such a number is a namespace's own. */
const FIRST_NAMESPACE = 2 ** 22;

/** Number of the network namespace that --netns means, null for all. */
export function resolveNetns(which: string | undefined): number | null {
  if (which === undefined) return null;
  if (/^\d+$/.test(which) && Number(which) > FIRST_NAMESPACE) return Number(which);
  const path = which === "self" || /^\d+$/.test(which) ? `/proc/${which}/ns/net` : which;
  const id = namespaceId(path);
  if (id === null)
    throw new Failure(
      EXIT.usage,
      `--netns ${which} leads to no network namespace: give self, a pid, a path such as /run/netns/blue, or its number`,
    );
  return id;
}
