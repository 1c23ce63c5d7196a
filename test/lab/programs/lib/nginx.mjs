import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "./wait.mjs";

/** Writes a configuration for nginx into a folder of that name: one server on the port, every file in the folder. */
export function configured(stage, name, { daemon = false } = {}) {
  const folder = join(stage.folder, name);
  mkdirSync(folder);
  const uses = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((use) => `${use}_temp_path ${folder}/${use};`);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon ${daemon ? "on" : "off"};
worker_processes 1;
user root;
pid ${folder}/nginx.pid;
error_log ${daemon ? `${folder}/error.log` : "stderr"} notice;
events { worker_connections 64; }
http {
  access_log off;
  ${uses.join("\n  ")}
  server { listen 0.0.0.0:${stage.port}; return 200 "hello\\n"; }
}
`,
  );
  return folder;
}

/** Starts nginx with the configuration in that folder. */
export const nginx = (stage, folder) => stage.start("nginx", ["-p", folder, "-c", "nginx.conf", "-e", "stderr"]);

/** The pid of its master, once there is one other than `old`. */
export const masterOf = (folder, old) =>
  until(() => {
    const file = join(folder, "nginx.pid"); // renamed while the new master starts
    const pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
    return pid > 0 && pid !== old && pid;
  });
