# SPDX-License-Identifier: BSD-2-Clause
"""DNS zones and their signatures (RFC 4034, ECDSA P-256)."""

from __future__ import annotations

import base64
import secrets
import struct
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
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature)
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG

TTL = 300
SIGNED_BEFORE = 3600  # seconds: clocks may differ a little
SIGNED_FOR = 90 * 86400
DENIED_FOR = 60  # seconds, at most
KSK_FLAGS = 257  # zone key and secure entry point: one key does both
REVOKE = 128  # RFC 5011 7
NSEC3_SHA1 = 1
RSASHA256 = 8
RRSIG_FIXED_BYTES = 18  # RFC 4034 3.1
P256_BYTES = 32


class ZoneKey:
    """A key of a signed zone."""

    def __init__(self, zone: dns.name.Name) -> None:
        self.zone = zone
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.dnskey = self._dnskey(KSK_FLAGS)

    def _dnskey(self, flags: int) -> DNSKEY:
        return dns.dnssec.make_dnskey(
            self.private.public_key(),
            dns.dnssec.Algorithm.ECDSAP256SHA256,
            flags=flags,
        )

    def revoke(self, revoked: bool = True) -> None:
        """Say in the key that it is revoked: it has another tag then."""
        self.dnskey = self._dnskey(KSK_FLAGS | (REVOKE if revoked else 0))

    def ds(self, algorithm: int | None = None) -> str:
        """Its DS, which may say another algorithm."""
        ds = dns.dnssec.make_ds(self.zone, self.dnskey, "SHA256")
        return ds.replace(algorithm=algorithm or ds.algorithm).to_text()

    def sign(
        self,
        owner: dns.name.Name,
        rdataset: dns.rdataset.Rdataset,
        inception: float,
        expiration: float,
    ) -> RRSIG:
        rrset = dns.rrset.RRset(owner, rdataset.rdclass, rdataset.rdtype)
        rrset.update(rdataset)
        signature = dns.dnssec.sign(
            rrset,
            self.private,
            self.zone,
            self.dnskey,
            inception=int(inception),
            expiration=int(expiration),
        )
        return self._of_wildcard(rrset, signature) if owner.is_wild() else (
            signature)

    def _of_wildcard(self, rrset: dns.rrset.RRset, like: RRSIG) -> RRSIG:
        """dnspython counts the asterisk as a label; RFC 4034 3.1.3 does not.
        """
        rrsig = like.replace(labels=like.labels - 1, signature=b"")
        data = rrsig.to_wire()[:RRSIG_FIXED_BYTES]
        data += self.zone.to_digestable()
        for rdata in sorted(r.to_digestable() for r in rrset):
            data += rrset.name.to_digestable() + struct.pack(
                "!HHIH", rrset.rdtype, rrset.rdclass, rrsig.original_ttl,
                len(rdata)) + rdata
        numbers = decode_dss_signature(
            self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return rrsig.replace(signature=b"".join(
            n.to_bytes(P256_BYTES, "big") for n in numbers))


@dataclass(frozen=True)
class Signing:
    """What is uncommon about the signatures of a zone."""

    ttl: int = TTL
    iterations: int | None = None  # of NSEC3; None: it has NSEC
    ds: tuple[int, ...] = ()  # algorithms its DS say; none: that of its key
    # So many costly keys with one tag, and as many signatures that only
    # look like theirs over each record set but the keys (KeyTrap).
    colliding: int = 0


@dataclass
class Zone:
    """Records of one zone, and whether it is signed.

    Owners are relative to the zone: "@", "mx1", "_25._tcp.mx1".
    """

    name: str
    nameservers: tuple[str, ...]
    key: ZoneKey | None = None
    signing: Signing = Signing()
    # Further ones, which sign the keys alone, or with key_signs false in the
    # place of `key`.
    more_keys: list[ZoneKey] = field(default_factory=list)
    key_signs: bool = True
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
            for algorithm in child.signing.ds or (None,):
                self.add(owner, "DS", child.key.ds(algorithm))

    def write(self, path: Path) -> None:
        """The zone as a file that a name server reads."""
        zone = self._unsigned()
        if self.key is not None:
            _Signer(self, zone).sign()
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
        records += [("@", "DNSKEY", key.dnskey.to_text())
                    for key in self.keys()]
        if self.key is not None and self.signing.iterations is not None:
            records.append(("@", "NSEC3PARAM",
                            f"{NSEC3_SHA1} 0 {self.signing.iterations} -"))
        for owner, rdtype, rdata in records + self.records:
            name = dns.name.from_text(owner, zone.origin)
            record = dns.rdata.from_text(
                dns.rdataclass.IN, rdtype, rdata, zone.origin,
                relativize=False,
            )
            node = zone.find_node(name, create=True)
            node.find_rdataset(
                dns.rdataclass.IN, record.rdtype, create=True
            ).add(record, self.signing.ttl)
        return zone

    def keys(self) -> list[ZoneKey]:
        """Those that sign the keys."""
        return [k for k in (self.key, *self.more_keys) if k is not None]


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


def _put(zone: dns.zone.Zone, name: dns.name.Name, rdtype: str, rdata: str,
         ttl: int) -> None:
    record = dns.rdata.from_text(dns.rdataclass.IN, rdtype, rdata)
    zone.find_node(name, create=True).find_rdataset(
        dns.rdataclass.IN, record.rdtype, create=True).add(record, ttl)


class _Signer:
    """Signs what is in a zone."""

    def __init__(self, origin: Zone, zone: dns.zone.Zone) -> None:
        keys = origin.keys()
        self.key = keys[0 if origin.key_signs else 1]
        self.keys = keys
        self.how = origin.signing
        self.zone = zone
        self.cuts = _cuts(zone)
        self.denied_for = min(DENIED_FOR, self.how.ttl)
        self.decoys = Decoys(self.how.colliding)

    def sign(self) -> None:
        for rdata in self.decoys.keys:
            _put(self.zone, self.zone.origin, "DNSKEY", rdata, self.how.ttl)
        names = sorted(n for n in self.zone.nodes
                       if not _is_glue(n, self.cuts))
        if self.how.iterations is None:
            self._add_nsec(names)
        else:
            names += self._add_nsec3(names, self.how.iterations)
        for name in names:
            node = self.zone.nodes[name]
            for rdataset in list(node):
                if name in self.cuts and rdataset.rdtype == dns.rdatatype.NS:
                    continue  # a delegation is the child's to sign
                self._sign_set(name, node, rdataset)

    def _sign_set(self, name: dns.name.Name, node: dns.node.Node,
                  rdataset: dns.rdataset.Rdataset) -> None:
        signatures = node.find_rdataset(
            dns.rdataclass.IN, dns.rdatatype.RRSIG, rdataset.rdtype,
            create=True)
        now = time.time()
        of_keys = rdataset.rdtype == dns.rdatatype.DNSKEY
        good = [key.sign(name, rdataset, now - SIGNED_BEFORE,
                         now + SIGNED_FOR)
                for key in (self.keys if of_keys else [self.key])]
        if self.decoys.keys and not of_keys:
            good = self.decoys.signatures(good[0])
        for signature in good:
            signatures.add(signature, rdataset.ttl)

    def _add_nsec(self, names: list[dns.name.Name]) -> None:
        for i, name in enumerate(names):
            types = sorted({*_types(self.zone.nodes[name]),
                            dns.rdatatype.RRSIG, dns.rdatatype.NSEC})
            text = " ".join(dns.rdatatype.to_text(t) for t in types)
            following = names[(i + 1) % len(names)]
            _put(self.zone, name, "NSEC", f"{following.to_text()} {text}",
                 self.denied_for)

    def _add_nsec3(
        self, names: list[dns.name.Name], iterations: int
    ) -> list[dns.name.Name]:
        """The names of the records it adds, RFC 5155 7.1."""
        hashed = {}
        for name in names:
            while name != self.zone.origin and name not in hashed:
                hashed[name] = _hash(name, iterations)
                name = name.parent()  # also those without records
        hashed[self.zone.origin] = _hash(self.zone.origin, iterations)
        ring = sorted((h, name) for name, h in hashed.items())
        owners = []
        for i, (digest, name) in enumerate(ring):
            node = self.zone.nodes.get(name)
            types = set(_types(node)) if node is not None else set()
            if types and not (name in self.cuts
                              and types == {dns.rdatatype.NS}):
                types.add(dns.rdatatype.RRSIG)
            text = " ".join(dns.rdatatype.to_text(t) for t in sorted(types))
            following = ring[(i + 1) % len(ring)][0]
            owner = dns.name.from_text(digest, self.zone.origin)
            _put(self.zone, owner, "NSEC3",
                 f"{NSEC3_SHA1} 0 {iterations} - {following} {text}",
                 self.denied_for)
            owners.append(owner)
        return owners


def _hash(name: dns.name.Name, iterations: int) -> str:
    return dns.dnssec.nsec3_hash(name, None, iterations, NSEC3_SHA1)


class Decoys:
    """RSA keys of one tag that cost much to try (CVE-2023-50387)."""

    EXPONENT_BYTES = 255
    MODULUS_BYTES = 256

    def __init__(self, count: int) -> None:
        self.tag = 0
        self.keys: list[str] = []
        while len(self.keys) < count:
            key = self._try()
            if key is not None:
                self.keys.append(key.to_text())

    def _try(self) -> DNSKEY | None:
        """A random one, with two bytes as the tag wants them."""
        body = bytearray(
            [self.EXPONENT_BYTES] +
            list(secrets.token_bytes(self.EXPONENT_BYTES - 1)) + [1] +
            [0xC0] + list(secrets.token_bytes(self.MODULUS_BYTES - 2)) + [1])
        at = 1 + self.EXPONENT_BYTES + 2  # even, within the modulus
        body[at:at + 2] = b"\0\0"
        key = self._of(body)
        if not self.keys:
            self.tag = dns.dnssec.key_id(key)
            return key
        need = (self.tag - dns.dnssec.key_id(key)) % 65536
        for word in (need, (need - 1) % 65536):
            body[at:at + 2] = word.to_bytes(2, "big")
            key = self._of(body)
            if dns.dnssec.key_id(key) == self.tag:
                return key
        return None

    @staticmethod
    def _of(body: bytes) -> DNSKEY:
        text = base64.b64encode(body).decode()
        key = dns.rdata.from_text(
            dns.rdataclass.IN, "DNSKEY", f"{KSK_FLAGS} 3 {RSASHA256} {text}")
        assert isinstance(key, DNSKEY)
        return key

    def signatures(self, like: RRSIG) -> list[RRSIG]:
        return [
            like.replace(algorithm=RSASHA256, key_tag=self.tag,
                         signature=secrets.token_bytes(self.MODULUS_BYTES))
            for _ in self.keys
        ]
