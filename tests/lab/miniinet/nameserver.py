# SPDX-License-Identifier: BSD-2-Clause
"""NSD: the authority for every zone of the mini-internet."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Mapping

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from .procs import Child
from .zones import Zone

READY_SECONDS = 20.0

CONFIG = """\
server:
    ip-address: {address}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    cookie-secret-file: "{folder}/cookies"
    server-count: 1
    rrl-ratelimit: 0
    hide-version: yes
    round-robin: no
remote-control:
    control-enable: no
"""


class NameServer:
    def __init__(self, folder: Path, address: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.address = address
        self.zones: dict[str, Zone] = {}
        self._child: Child | None = None

    def start(self, zones: Mapping[str, Zone]) -> None:
        self.zones = dict(zones)
        config = CONFIG.format(address=self.address, folder=self.folder)
        for number, zone in enumerate(self.zones.values()):
            path = self._path(zone)
            zone.write(path)
            config += (
                f'zone:\n    name: "{zone.name}"\n'
                f'    zonefile: "{path.name}"\n'
            )
        conf = self.folder / "nsd.conf"
        conf.write_text(config)
        self._child = Child(
            ["nsd", "-d", "-c", conf], self.folder / "nsd.log"
        )
        for zone in self.zones.values():
            self._wait_for(zone)

    def publish(self, zone: Zone) -> None:
        """Serve the zone as it is now."""
        assert self._child is not None
        zone.serial += 1
        zone.write(self._path(zone))
        self._child.send(signal.SIGHUP)
        self._wait_for(zone)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _path(self, zone: Zone) -> Path:
        name = zone.name.strip(".") or "root"
        return self.folder / f"{name}.zone"

    def _wait_for(self, zone: Zone) -> None:
        """Until NSD answers with this serial number."""
        query = dns.message.make_query(zone.name, dns.rdatatype.SOA)
        child = self._child
        assert child is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and child.running():
            try:
                answer = dns.query.udp(query, self.address, timeout=1)
            except (dns.exception.DNSException, OSError):
                time.sleep(0.05)
                continue
            if any(
                record.serial == zone.serial
                for rrset in answer.answer
                for record in rrset
                if record.rdtype == dns.rdatatype.SOA
            ):
                return
            time.sleep(0.05)
        raise RuntimeError(
            f"NSD does not serve {zone.name!r}:\n{child.log()}"
        )
