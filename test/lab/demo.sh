#!/usr/bin/env bash
# The main job, live: a Node cluster server is killed while its worker lingers, and the new instance retries until it
# gets the port. Where this machine cannot be traced, the sample recorded from the same restart is replayed.
set -u
cd "$(dirname "$0")/../.."
bindtrace=(node dist/cli.js)
trace=bindtrace-demo.jsonl.gz
page=bindtrace-demo.html

# 8080, or another port when something is there already.
port=$(node -e '
  const server = require("node:net").createServer();
  const done = () => { const { port } = server.address(); server.close(() => console.log(port)); };
  server.once("error", () => server.listen(0, "0.0.0.0", done));
  server.listen(8080, "0.0.0.0", done);')

echo "+ sudo bindtrace --port $port --save $trace -- node test/lab/situations/cluster-restart.mjs $port"
"${bindtrace[@]}" --port "$port" --save "$trace" --force -- node test/lab/situations/cluster-restart.mjs "$port" 2>&1 >/dev/null
case $? in
  1) ;;
  3 | 4)
    echo "No live trace here for the reason above; this is the bundled sample of the same restart:"
    echo "+ bindtrace replay samples/cluster-restart/trace.jsonl"
    "${bindtrace[@]}" replay samples/cluster-restart/trace.jsonl
    [ $? -eq 1 ]
    exit
    ;;
  *) exit 1 ;;
esac

echo
echo "The trace was saved as $trace. Replayed, without root and on any machine:"
echo "+ bindtrace replay $trace"
"${bindtrace[@]}" replay "$trace"
[ $? -eq 1 ] || exit 1

echo
echo "The same as a page for the browser:"
echo "+ bindtrace export $trace --html -o $page"
"${bindtrace[@]}" export "$trace" --html -o "$page"
