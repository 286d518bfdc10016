# SPDX-License-Identifier: BSD-2-Clause
"""`python3 -m miniinet [COMMAND…]`: raise it, run a command in it or wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from . import netns
from .world import World


def main() -> int:
    refused = netns.why_not()
    if refused:
        print(f"miniinet: {refused}", file=sys.stderr)
        return 1
    command = sys.argv[1:]
    with World() as world:
        if command:
            environment = {
                **os.environ,
                "MINIINET": str(world.folder),
                "TRUST_ANCHOR": str(world.trust_anchor),
                "ROOT_HINTS": str(world.root_hints),
                "CA_FILE": str(world.pki.ca_file),
            }
            return subprocess.run(command, env=environment).returncode
        for domain in world.domains.values():
            print(f"{domain.name:28} {domain.publishes}")
        print(f"\nfiles in {world.folder}; look around with\n"
              f"    nsenter -t {os.getpid()} -n COMMAND\n"
              "Ctrl-C ends it.", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    sys.exit(main())
