"""slowly.py SITUATION PORT: one of test/lab/situations that rests after each refusal, before anything is released.

An emulated machine is twenty times slower: bindtrace would not get to look in /proc while the blocker's holder still lives.
"""

import runpy
import sys
import time
from pathlib import Path

REST_SECONDS = 2

situation = sys.argv[1]
sys.path.insert(0, str(Path(situation).parent.parent))
sys.path.insert(0, str(Path(situation).parent))

import lab  # noqa: E402

refused = lab._refused


def refused_and_rest(*arguments, **named):
    refused(*arguments, **named)
    time.sleep(REST_SECONDS)


lab._refused = refused_and_rest
sys.argv = sys.argv[1:]
runpy.run_path(situation, run_name="__main__")
