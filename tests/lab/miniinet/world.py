# SPDX-License-Identifier: BSD-2-Clause
"""Raises the mini-internet from its catalogue and hands out its parts."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Iterable, Iterator

import dns.name

from . import catalogue, netns
from .catalogue import Domain, Host, Tlsa
from .faults import FaultyServer
from .https import PolicyHost
from .nameserver import NameServer
from .pki import Identity, Pki
from .smtp import MailServer, Stripper
from .wire import Wire
from .zones import Signing, Zone, ZoneKey

UPPER = "127.53.0.1"  # root and TLD
FAULTY = "127.53.0.2"  # where all zones below are delegated to
LOWER = "127.53.0.3"  # what really serves them
NS_NAME = f"ns.nic.{catalogue.TLD}."
FAULTY_NAME = f"ns2.nic.{catalogue.TLD}."

OTHER_KEY = "3 1 1 " + "ab" * 32
UNUSABLE = "3 9 1 " + "cd" * 32

Part = Wire | FaultyServer | MailServer | Stripper


def _addresses(network: str) -> Iterator[str]:
    for number in itertools.count(1):
        yield f"{network}.{number // 250}.{number % 250 + 1}"


class World:
    """The mini-internet; a context manager.

    `domains` limits it to a part of the catalogue, as the demo does.
    """

    def __init__(
        self,
        folder: Path | None = None,
        domains: Iterable[Domain] = tuple(catalogue.DOMAINS.values()),
    ) -> None:
        self._own_folder = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="tierpost-lab-"))
        # The gateway gives up root and must still reach what is below.
        self.folder.chmod(0o755)
        self.domains = {domain.name: domain for domain in domains}
        self.servers: dict[str, MailServer] = {}
        # Hosts without a scripted server: address and certificate.
        self.external: dict[str, tuple[str, Identity]] = {}
        self.strippers: dict[str, Stripper] = {}
        self.policy_hosts: dict[str, PolicyHost] = {}
        self.zones: dict[str, Zone] = {}
        self.wire = Wire()
        self.pki = Pki(self.folder / "pki")
        self._stack = contextlib.ExitStack()
        self._mx_addresses = _addresses("127.25")
        self._hidden_addresses = _addresses("127.26")
        self._policy_addresses = _addresses("127.44")
        self._keys: dict[str, ZoneKey] = {}
        self._build_zones()
        # Two, because one that served a zone and its parent would answer
        # for both and never refer to the server in between.
        self.upper = NameServer(self.folder / "dns-upper", UPPER)
        self.lower = NameServer(self.folder / "dns-lower", LOWER)
        self.dns = FaultyServer(FAULTY, LOWER, self._keys)
        self.trust_anchor = self.folder / "root.ds"
        self.root_hints = self.folder / "root.hints"

    # ---- up and down ----

    def __enter__(self) -> World:
        netns.enter()
        with contextlib.ExitStack() as stack:
            stack.callback(self._remove_folder)
            self._start(self.wire, stack)
            self._write_resolver_files()
            for server, zones in self._served():
                stack.callback(server.stop)
                server.start(zones)
            self._set_faults()
            parts: list[Part] = [self.dns, *self.servers.values(),
                                 *self.strippers.values()]
            for part in parts:
                self._start(part, stack)
            for name, policy_host in self.policy_hosts.items():
                stack.callback(policy_host.stop)
                if self._sts(name).up:
                    policy_host.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @staticmethod
    def _start(part: Part, stack: contextlib.ExitStack) -> None:
        stack.callback(part.stop)
        part.start()

    def _remove_folder(self) -> None:
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- for tests ----

    def domain(self, name: str) -> Domain:
        return self.domains[name]

    def host_of(self, domain: str) -> MailServer:
        """The first mail server of a domain."""
        entry = self.domains[domain]
        return self.servers[entry.host(entry.hosts[0].name)]

    def front_address(self, host: str) -> str:
        """The address that DNS gives for a host."""
        if host in self.external:
            return self.external[host][0]
        stripper = self.strippers.get(host)
        return stripper.address if stripper else self.servers[host].address

    def violations(
        self, secrets: list[bytes], since: float = 0.0
    ) -> list[str]:
        """What crossed in clear to hosts where nothing may."""
        self.wire.settle()
        forbidden = {
            self.front_address(domain.host(host.name)): domain.host(host.name)
            for domain in self.domains.values()
            for host in domain.hosts
            if host.clear_forbidden and host.resolves
        }
        return [
            f"{forbidden[connection.server]}: {text}"
            for connection in self.wire.connections
            if connection.server in forbidden and connection.opened >= since
            for text in connection.violations(secrets)
        ]

    def set_txt(self, domain: str, owner: str, text: str) -> None:
        """Change a TXT record of a zone that is being served."""
        zone = self.zones[domain]
        zone.remove(owner, "TXT")
        zone.add(owner, "TXT", f'"{text}"')
        self.lower.publish(zone)

    # ---- building ----

    def _served(self) -> list[tuple[NameServer, dict[str, Zone]]]:
        upper = {name: zone for name, zone in self.zones.items()
                 if name in ("", catalogue.TLD)}
        lower = {name: zone for name, zone in self.zones.items()
                 if name not in upper}
        return [(self.upper, upper), (self.lower, lower)]

    def _sts(self, name: str) -> catalogue.Sts:
        sts = self.domains[name].sts
        assert sts is not None
        return sts

    def _new_zone(
        self, name: str, server: str, signed: bool,
        signing: Signing = Signing(),
    ) -> Zone:
        key = ZoneKey(dns.name.from_text(name)) if signed else None
        if key is not None:
            self._keys[name.strip(".")] = key
        zone = Zone(name, (server,), key, signing)
        self.zones[name.strip(".")] = zone
        return zone

    def _build_zones(self) -> None:
        root = self._new_zone(".", NS_NAME, signed=True)
        tld = self._new_zone(catalogue.TLD + ".", NS_NAME, signed=True)
        for zone in (root, tld):
            zone.add(NS_NAME, "A", UPPER)
        tld.add(FAULTY_NAME, "A", FAULTY)
        for domain in self.domains.values():
            zone = self._new_zone(domain.name + ".", FAULTY_NAME,
                                  domain.signed, domain.signing)
            self._fill(zone, domain)
            tld.delegate(zone)
        root.delegate(tld)

    def _fill(self, zone: Zone, domain: Domain) -> None:
        for owner, rdtype, rdata in domain.records:
            zone.add(owner, rdtype, rdata)
        if domain.null_mx:
            zone.add("@", "MX", "0 .")
        for preference, exchange in domain.exchanges():
            zone.add("@", "MX", f"{preference} {exchange}.")
        for host in domain.hosts:
            if host.resolves:
                self._add_host(zone, domain, host)
        if domain.sts is not None:
            self._add_policy(zone, domain, domain.sts)

    def _add_host(self, zone: Zone, domain: Domain, host: Host) -> None:
        name = domain.host(host.name)
        identity = self.pki.issue(host.cert, name)
        address = next(self._mx_addresses)
        zone.add(host.name, "A", address)
        owner = f"{'*' if host.wild else '_25'}._tcp.{name}."
        for tlsa in host.tlsa:
            zone.add(owner, "TLSA", _tlsa_text(tlsa, identity))
        if host.external:
            self.external[name] = (address, identity)
            return
        if host.stripped:
            hidden = next(self._hidden_addresses)
            self.strippers[name] = Stripper(address, hidden)
            address = hidden
        self.servers[name] = MailServer(name, address, identity,
                                        host.behaviour)

    def _add_policy(
        self, zone: Zone, domain: Domain, sts: catalogue.Sts
    ) -> None:
        name = f"mta-sts.{domain.name}"
        address = next(self._policy_addresses)
        zone.add("mta-sts", "A", address)
        zone.add("_mta-sts", "TXT", f'"v=STSv1; id={sts.id};"')
        hosts = sts.mx or tuple(h for _, h in domain.exchanges())
        policy = "".join(
            f"{line}\r\n" for line in (
                "version: STSv1", f"mode: {sts.mode}",
                *(f"mx: {host}" for host in hosts),
                f"max_age: {sts.max_age}",
            )
        )
        self.policy_hosts[domain.name] = PolicyHost(
            name, address, self.pki.issue(sts.cert, name), policy
        )

    def _set_faults(self) -> None:
        for domain in self.domains.values():
            for (owner, rdtype), fault in domain.faults.items():
                name = domain.name if owner == "@" else (
                    f"{owner}.{domain.name}")
                self.dns.set(name, rdtype, fault)

    def _write_resolver_files(self) -> None:
        key = self._keys[""]
        self.trust_anchor.write_text(f". IN DS {key.ds()}\n")
        self.root_hints.write_text(
            f". 3600000 IN NS {NS_NAME}\n{NS_NAME} 3600000 IN A {UPPER}\n"
        )


def _tlsa_text(tlsa: Tlsa, identity: Identity) -> str:
    return {
        Tlsa.EE: identity.tlsa_ee(),
        Tlsa.EE_OTHER: OTHER_KEY,
        Tlsa.TA: identity.tlsa_ta(),
        Tlsa.UNUSABLE: UNUSABLE,
    }[tlsa]
