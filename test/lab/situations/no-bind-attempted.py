"""A program says that the port is already allocated, and never asked the kernel.

It keeps a table of the ports that it has given away, as container engines do, and the table is wrong: anybody could
bind that port. This is the one program here that ends with exit code 1 where all is as described.
"""

import json
import sys

sys.path.insert(0, f"{sys.path[0]}/..")
from lab import expect, run, visible_on


def no_bind_attempted(port: int) -> None:
    expect(not visible_on("tcp", port), "somebody has the port")
    print(json.dumps({"absence": "none-attempted", "port": port}), flush=True)
    sys.exit(f"bind for 0.0.0.0:{port} failed: port is already allocated")


run(no_bind_attempted)
