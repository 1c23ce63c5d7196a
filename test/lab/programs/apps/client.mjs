/** client.mjs PORT: a connection to 127.0.0.1 that stays. */

import { connect } from "node:net";

const client = connect(Number(process.argv[2]), "127.0.0.1", () => console.log(`connected ${client.localPort}`));
