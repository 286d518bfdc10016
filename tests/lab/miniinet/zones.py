# SPDX-License-Identifier: BSD-2-Clause
"""DNS zones and their signatures (RFC 4034, NSEC, ECDSA P-256)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import dns.dnssec
import dns.name
import dns.node
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

TTL = 300
SIGNED_BEFORE = 3600  # seconds: clocks may differ a little
SIGNED_FOR = 30 * 86400
KSK_FLAGS = 257  # zone key and secure entry point: one key does both


class ZoneKey:
    """The one key of a signed zone."""

    def __init__(self, zone: dns.name.Name) -> None:
        self.zone = zone
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey: DNSKEY = dns.dnssec.make_dnskey(
            self.private.public_key(),
            dns.dnssec.Algorithm.ECDSAP256SHA256,
            flags=KSK_FLAGS,
        )

    def ds(self) -> str:
        return dns.dnssec.make_ds(self.zone, self.dnskey, "SHA256").to_text()

    def sign(
        self,
        owner: dns.name.Name,
        rdataset: dns.rdataset.Rdataset,
        inception: float,
        expiration: float,
    ) -> RRSIG:
        rrset = dns.rrset.RRset(owner, rdataset.rdclass, rdataset.rdtype)
        rrset.update(rdataset)
        return dns.dnssec.sign(
            rrset,
            self.private,
            self.zone,
            self.dnskey,
            inception=int(inception),
            expiration=int(expiration),
        )


@dataclass
class Zone:
    """Records of one zone, and whether it is signed.

    Owners are relative to the zone: "@", "mx1", "_25._tcp.mx1".
    """

    name: str
    nameservers: tuple[str, ...]
    key: ZoneKey | None = None
    records: list[tuple[str, str, str]] = field(default_factory=list)
    serial: int = 1

    def add(self, owner: str, rdtype: str, rdata: str) -> None:
        self.records.append((owner, rdtype, rdata))

    def remove(self, owner: str, rdtype: str) -> None:
        self.records = [
            r for r in self.records if (r[0], r[1]) != (owner, rdtype)
        ]

    def delegate(self, child: Zone) -> None:
        """NS of the child and, when it is signed, its DS."""
        owner = child.name
        for server in child.nameservers:
            self.add(owner, "NS", server)
        if child.key is not None:
            self.add(owner, "DS", child.key.ds())

    def write(self, path: Path) -> None:
        """The zone as a file that a name server reads."""
        zone = self._unsigned()
        if self.key is not None:
            _sign_zone(zone, self.key)
        lines = []
        for name, node in sorted(zone.nodes.items()):
            for rdataset in node:
                lines.append(rdataset.to_text(name, zone.origin,
                                              relativize=False))
        path.write_text("\n".join(lines) + "\n")

    def _unsigned(self) -> dns.zone.Zone:
        zone = dns.zone.Zone(dns.name.from_text(self.name), relativize=False)
        soa = f"{self.nameservers[0]} hostmaster.{self.nameservers[0]} " \
              f"{self.serial} 3600 600 86400 60"
        records = [("@", "SOA", soa)]
        records += [("@", "NS", server) for server in self.nameservers]
        if self.key is not None:
            records.append(("@", "DNSKEY", self.key.dnskey.to_text()))
        for owner, rdtype, rdata in records + self.records:
            name = dns.name.from_text(owner, zone.origin)
            record = dns.rdata.from_text(
                dns.rdataclass.IN, rdtype, rdata, zone.origin,
                relativize=False,
            )
            node = zone.find_node(name, create=True)
            node.find_rdataset(
                dns.rdataclass.IN, record.rdtype, create=True
            ).add(record, TTL)
        return zone


def _cuts(zone: dns.zone.Zone) -> list[dns.name.Name]:
    return [
        name
        for name, node in zone.nodes.items()
        if name != zone.origin
        and node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NS)
    ]


def _is_glue(name: dns.name.Name, cuts: list[dns.name.Name]) -> bool:
    return any(name != cut and name.is_subdomain(cut) for cut in cuts)


def _types(node: dns.node.Node) -> list[dns.rdatatype.RdataType]:
    return [rdataset.rdtype for rdataset in node]


def _add_nsec(zone: dns.zone.Zone, names: list[dns.name.Name]) -> None:
    for i, name in enumerate(names):
        node = zone.nodes[name]
        types = sorted({*_types(node), dns.rdatatype.RRSIG,
                        dns.rdatatype.NSEC})
        text = " ".join(dns.rdatatype.to_text(t) for t in types)
        following = names[(i + 1) % len(names)]
        nsec = dns.rdata.from_text(
            dns.rdataclass.IN, "NSEC", f"{following.to_text()} {text}"
        )
        node.find_rdataset(
            dns.rdataclass.IN, dns.rdatatype.NSEC, create=True
        ).add(nsec, 60)


def _sign_zone(zone: dns.zone.Zone, key: ZoneKey) -> None:
    cuts = _cuts(zone)
    names = sorted(n for n in zone.nodes if not _is_glue(n, cuts))
    _add_nsec(zone, names)
    now = time.time()
    for name in names:
        node = zone.nodes[name]
        for rdataset in list(node):
            if name in cuts and rdataset.rdtype == dns.rdatatype.NS:
                continue  # a delegation is the child's to sign
            signature = key.sign(
                name, rdataset, now - SIGNED_BEFORE, now + SIGNED_FOR
            )
            node.find_rdataset(
                dns.rdataclass.IN, dns.rdatatype.RRSIG, rdataset.rdtype,
                create=True,
            ).add(signature, rdataset.ttl)
