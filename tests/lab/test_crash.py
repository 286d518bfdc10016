# SPDX-License-Identifier: BSD-2-Clause
"""The ledger of accepted messages after a short storm of SIGKILL."""

from __future__ import annotations

import random
from pathlib import Path

from miniinet.gateway import Gateway
from miniinet.ledger import ROLES, Judge, phase
from miniinet.world import World


def test_inv_14_c14_no_accepted_message_is_lost_by_killing_roles(
    world: World, binary: Path
) -> None:
    """`make crash` does the same with two hundred kills."""
    judge = Judge()
    with Gateway(world, binary, "ledger", {"workers": 2}) as gateway:
        phase(world, gateway, judge, "keeper", ("keeper",), 5,
              random.Random(1))
        phase(world, gateway, judge, "any", ROLES, 10, random.Random(2))
    assert judge.failed == 0
