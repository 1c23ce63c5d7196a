import { type NetworkNamespace, namespaceAt, networkNamespaces } from "../probe/namespaces.ts";
import { EXIT, Failure } from "./failure.ts";

/** Above every pid (pid_max is at most 2^22): such a number is a namespace's own. */
const FIRST_NAMESPACE = 2 ** 22;

/** Number of the network namespace that --netns means, null for all. */
export function resolveNetns(which: string | undefined): number | null {
  if (which === undefined) return null;
  return isNumber(which) ? Number(which) : leadsTo(which).id;
}

/** The network namespace that --netns means, with a way into it. */
export function findNetns(which: string): NetworkNamespace {
  if (!isNumber(which)) return leadsTo(which);
  const found = networkNamespaces().find(({ id }) => id === Number(which));
  if (!found) throw new Failure(EXIT.usage, `--netns ${which}: no process is in that network namespace, so give a path that leads to it`);
  return found;
}

const isNumber = (which: string) => /^\d+$/.test(which) && Number(which) > FIRST_NAMESPACE;

function leadsTo(which: string): NetworkNamespace {
  const path = which === "self" || /^\d+$/.test(which) ? `/proc/${which}/ns/net` : which;
  const id = namespaceAt(path);
  if (id !== null) return { id, path };
  throw new Failure(
    EXIT.usage,
    `--netns ${which} leads to no network namespace: give self, a pid, a path such as /run/netns/blue, or its number`,
  );
}
