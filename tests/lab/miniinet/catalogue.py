# SPDX-License-Identifier: BSD-2-Clause
"""Every domain of the mini-internet: what it publishes, how it behaves.

Tests and the demo speak of these domains by name; nothing else defines one.
A host's certificate is from the public authority and for its own name, its
STARTTLS works and its zone is signed, unless the entry says otherwise.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from .faults import Fault
from .pki import CertSpec, Issuer
from .link import FAR
from .smtp import RICH, Behaviour, Cut, Starttls
from .zones import Signing

TLD = "example"
GATEWAY_NAME = f"gw.sender.{TLD}"


class Tlsa(enum.Enum):
    """What a host publishes at _25._tcp."""

    EE = "3 1 1, its own key"
    EE_OTHER = "3 1 1, another key"
    TA = "2 0 1, its issuer"
    UNUSABLE = "3 9 1, a selector that does not exist"


@dataclass(frozen=True)
class Host:
    name: str  # relative to the domain
    behaviour: Behaviour = Behaviour()
    cert: CertSpec = CertSpec()
    tlsa: tuple[Tlsa, ...] = ()
    resolves: bool = True
    stripped: bool = False  # a man in the middle removes STARTTLS
    wild: bool = False  # its TLSA records are at *._tcp
    external: bool = False  # a real mail system listens there, not a script
    # A message that crosses to this host in clear is a failed test.
    clear_forbidden: bool = False


@dataclass(frozen=True)
class Sts:
    mode: str = "enforce"
    mx: tuple[str, ...] = ()  # none: every MX host of the domain
    max_age: int = 86400
    cert: CertSpec = CertSpec()
    up: bool = True  # whether the policy host answers at the beginning
    id: str = "20261101"


@dataclass(frozen=True)
class Domain:
    name: str
    publishes: str  # one line for people
    hosts: tuple[Host, ...] = ()
    # Preference and host; a name with a dot is a host of another domain.
    mx: tuple[tuple[int, str], ...] = ()
    signed: bool = True
    signing: Signing = Signing()
    null_mx: bool = False
    sts: Sts | None = None
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    records: tuple[tuple[str, str, str], ...] = ()  # beside those implied

    def host(self, relative: str) -> str:
        if "." in relative:
            return relative
        return self.name if relative == "@" else f"{relative}.{self.name}"

    def exchanges(self) -> list[tuple[int, str]]:
        return [(preference, self.host(h)) for preference, h in self.mx]


ONE_MX = ((10, "mx"),)
TWO_MX = ((10, "mx1"), (20, "mx2"))
ALIEN = CertSpec(names=("something.else.example",))
ALIEN_EXPIRED = CertSpec(names=("something.else.example",),
                         issuer=Issuer.SELF, expired=True)
SELF_SIGNED = CertSpec(issuer=Issuer.SELF)
EXPIRED = CertSpec(expired=True)
BY_PRIVATE_CA = CertSpec(issuer=Issuer.PRIVATE)


def does(starttls: Starttls) -> Behaviour:
    return Behaviour(starttls=starttls)


def _host(name: str = "mx", *tlsa: Tlsa, **fields: Any) -> Host:
    """A host that must never see a message in clear."""
    return Host(name, tlsa=tlsa, clear_forbidden=True, **fields)


def _plain(name: str, *tlsa: Tlsa) -> Host:
    """One that publishes TLSA records which bind nobody."""
    return Host(name, tlsa=tlsa)


def _dane() -> list[Domain]:
    perfect = _host("mx", Tlsa.EE)
    # The same perfect host; only the answer about its TLSA is broken.
    broken = [
        Domain(f"tlsa-{word}.{TLD}",
               f"a TLSA record; looking it up: {fault.value}",
               (perfect,), ONE_MX,
               faults={("_25._tcp.mx", "TLSA"): fault})
        for word, fault in TLSA_FAULTS.items()
    ]
    misbehaving = [
        Domain(f"dane-{word}.{TLD}", f"DANE; STARTTLS is {how.value}",
               (_host("mx", Tlsa.EE, behaviour=does(how)),), ONE_MX)
        for word, how in STARTTLS_FAULTS.items()
    ]
    return broken + misbehaving + [
        Domain(f"dane.{TLD}", "DANE: TLSA 3 1 1 of its key",
               (perfect,), ONE_MX),
        Domain(f"dane-odd.{TLD}",
               "DANE 3 1 1; the certificate is expired, self-signed and for "
               "another name",
               (_host("mx", Tlsa.EE, cert=ALIEN_EXPIRED),), ONE_MX),
        Domain(f"dane-roll.{TLD}", "DANE: 3 1 1 of the old and the new key",
               (_host("mx", Tlsa.EE_OTHER, Tlsa.EE),), ONE_MX),
        Domain(f"dane-ta.{TLD}", "DANE 2 0 1: a private authority",
               (_host("mx", Tlsa.TA, cert=BY_PRIVATE_CA),), ONE_MX),
        Domain(f"dane-ta-alien.{TLD}",
               "DANE 2 0 1; the certificate is for another name",
               (_host("mx", Tlsa.TA, cert=CertSpec(
                   names=("something.else.example",),
                   issuer=Issuer.PRIVATE)),), ONE_MX),
        Domain(f"dane-mismatch.{TLD}",
               "DANE 3 1 1 of another key; the certificate is publicly valid",
               (_host("mx", Tlsa.EE_OTHER),), ONE_MX),
        Domain(f"dane-second.{TLD}",
               "DANE; the first host has another key, the second the right",
               (_host("mx1", Tlsa.EE_OTHER), _host("mx2", Tlsa.EE)), TWO_MX),
        Domain(f"dane-one-bad-address.{TLD}",
               "DANE on both hosts; the first host's address: SERVFAIL",
               (_host("mx1", Tlsa.EE), _host("mx2", Tlsa.EE)), TWO_MX,
               faults={("mx1", "A"): Fault.SERVFAIL,
                       ("mx1", "AAAA"): Fault.SERVFAIL}),
        Domain(f"dane-later.{TLD}",
               "no TLSA at the first host, DANE at the second",
               (Host("mx1"), _host("mx2", Tlsa.EE)), TWO_MX),
        Domain(f"dane-half.{TLD}",
               "unsigned; its MX is a DANE host of another domain",
               (), ((10, f"mx.dane.{TLD}"),), signed=False),
        Domain(f"dane-unusable.{TLD}",
               "TLSA records that cannot be used; self-signed certificate",
               (_host("mx", Tlsa.UNUSABLE, cert=SELF_SIGNED),), ONE_MX),
        Domain(f"dane-unusable-clear.{TLD}",
               "TLSA records that cannot be used; no STARTTLS",
               (_host("mx", Tlsa.UNUSABLE, behaviour=does(Starttls.ABSENT)),),
               ONE_MX),
        Domain(f"dane-no-mx.{TLD}", "no MX; DANE at the domain itself",
               (_host("@", Tlsa.EE),)),
        Domain(f"dane-stripped.{TLD}",
               "DANE; a man in the middle removes STARTTLS",
               (_host("mx", Tlsa.EE, stripped=True),), ONE_MX),
        # At which nothing is wrong.
        Domain(f"well.{TLD}",
               "DANE of this key and the next, MTA-STS for a month, TLS "
               "reports", (_host("mx", Tlsa.EE, Tlsa.EE_OTHER),), ONE_MX,
               sts=Sts(max_age=2592000), records=(
                   ("_smtp._tls", "TXT",
                    '"v=TLSRPTv1; rua=mailto:tls@well.example"'),)),
        # DANE and MTA-STS together.
        Domain(f"both-dane-bad.{TLD}",
               "DANE of another key, and MTA-STS that would pass",
               (_host("mx", Tlsa.EE_OTHER),), ONE_MX, sts=Sts()),
        Domain(f"both-sts-bad.{TLD}",
               "DANE, and MTA-STS that the certificate fails",
               (_host("mx", Tlsa.EE, cert=ALIEN),), ONE_MX, sts=Sts()),
        Domain(f"both-tlsa-servfail.{TLD}",
               "MTA-STS that would pass; the TLSA lookup: SERVFAIL",
               (perfect,), ONE_MX, sts=Sts(),
               faults={("_25._tcp.mx", "TLSA"): Fault.SERVFAIL}),
    ]


TLSA_FAULTS = {
    "servfail": Fault.SERVFAIL,
    "refused": Fault.REFUSED,
    "drop": Fault.DROP,
    "altered": Fault.ALTERED,
    "expired": Fault.EXPIRED,
    "early": Fault.EARLY,
    "signer": Fault.SIGNER,
    "forged": Fault.FORGED,
    "unsigned": Fault.UNSIGNED,
}

STARTTLS_FAULTS = {
    "clear": Starttls.ABSENT,
    "454": Starttls.TEMPFAIL,
    "502": Starttls.REFUSED,
    "close": Starttls.CLOSE,
    "stall": Starttls.STALL,
    "alert": Starttls.ALERT,
    "inject": Starttls.INJECT,
}


def _dns() -> list[Domain]:
    # The domain itself listens: nothing may fall back to it.
    return [
        Domain(f"mx-{word}.{TLD}", f"looking up its MX: {fault.value}",
               (Host("@", clear_forbidden=True), Host("mx")), ONE_MX,
               faults={("@", "MX"): fault})
        for word, fault in MX_FAULTS.items()
    ] + [
        Domain(f"tlsa-no-proof.{TLD}",
               "no TLSA, but the denial comes without its NSEC proof",
               (_host("mx"),), ONE_MX,
               faults={("_25._tcp.mx", "TLSA"): Fault.NO_PROOF},
               # Without a record there, a resolver needs no answer to know
               # that the name does not exist (RFC 8198).
               records=(("_25._tcp.mx", "TXT", '"no TLSA here"'),)),
        Domain(f"unsigned-drop.{TLD}",
               "unsigned; its name server never answers TLSA questions",
               (Host("mx"),), ONE_MX, signed=False,
               faults={("_25._tcp.mx", "TLSA"): Fault.DROP}),
        Domain(f"tlsa-truncated.{TLD}",
               "DANE; the TLSA answer does not fit into a datagram",
               (_host("mx", Tlsa.EE),), ONE_MX,
               faults={("_25._tcp.mx", "TLSA"): Fault.TRUNCATED}),
        Domain(f"null-mx.{TLD}", "a null MX: it takes no mail",
               (Host("@"),), null_mx=True),
        Domain(f"dead-mx.{TLD}", "an MX whose name does not exist",
               (Host("@"), Host("gone", resolves=False)), ((10, "gone"),)),
    ]


DENIED = '"no TLSA here"'


def _dnssec() -> list[Domain]:
    def denies(word: str, iterations: int, **fields: Any) -> Domain:
        return Domain(
            f"nsec3-{word}.{TLD}",
            f"no TLSA; denied by NSEC3 with {iterations} iterations",
            (Host("mx"),), ONE_MX, signing=Signing(iterations=iterations),
            # See tlsa-no-proof.
            records=(("_25._tcp.mx", "TXT", DENIED),), **fields)

    return [
        denies("few", 100),
        denies("many", 200),
        denies("forged", 200,
               faults={("_25._tcp.mx", "TLSA"): Fault.ALTERED}),
        denies("far-too-many", 2500),
        Domain(f"ds-unknown.{TLD}",
               "TLSA of another key, signed by an algorithm unknown to all",
               (_plain("mx", Tlsa.EE_OTHER),), ONE_MX,
               signing=Signing(ds=(253,))),
        Domain(f"ds-mixed.{TLD}", "DS of a known and an unknown algorithm; "
               "the keys are not signed by the known one",
               (_host("mx"),), ONE_MX, signing=Signing(ds=(253, 13)),
               faults={("@", "DNSKEY"): Fault.ALTERED}),
        Domain(f"wild.{TLD}", "DANE by a wildcard",
               (_host("mx", Tlsa.EE, wild=True),), ONE_MX),
        Domain(f"wild-replay.{TLD}", "TLSA of another key; what a wildcard "
               "beside it says is given instead, and would match",
               (_host("mx", Tlsa.EE, wild=True),), ONE_MX,
               records=(("_25._tcp.mx", "TLSA", "3 1 1 " + "ab" * 32),),
               faults={("_25._tcp.mx", "TLSA"): Fault.WILDCARD}),
        Domain(f"unsigned-ad.{TLD}", "unsigned; its name server sets the AD "
               "bit; TLSA of another key",
               (_plain("mx", Tlsa.EE_OTHER),), ONE_MX, signed=False,
               faults={("@", "MX"): Fault.AD, ("mx", "A"): Fault.AD,
                       ("_25._tcp.mx", "TLSA"): Fault.AD}),
        Domain(f"denied-above.{TLD}",
               "DANE; the name above the TLSA record is denied, unsigned",
               (_host("mx", Tlsa.EE),), ONE_MX,
               faults={(name, rdtype): Fault.NXDOMAIN
                       for name in ("_tcp.mx", "_25._tcp.mx")
                       for rdtype in ("A", "NS", "TXT", "TLSA")}),
        Domain(f"brief.{TLD}", "DANE; nothing may be kept over a second",
               (_host("mx", Tlsa.EE),), ONE_MX, signing=Signing(ttl=1)),
        Domain(f"keytrap.{TLD}", "60 keys of one tag and 60 signatures that "
               "fail with each of them, over every record set",
               (_host("mx"),), ONE_MX, signing=Signing(colliding=60)),
        Domain(f"flood.{TLD}", "DANE; 1000 MX records, of which the first "
               "exists", (_host("mx", Tlsa.EE),), ((0, "mx"),),
               records=tuple(("@", "MX", f"{i} h{i}")
                             for i in range(1, 1000))),
    ]


MX_FAULTS = {
    "servfail": Fault.SERVFAIL,
    "altered": Fault.ALTERED,
    "expired": Fault.EXPIRED,
}


def _sts() -> list[Domain]:
    def sts(word: str, publishes: str, hosts: tuple[Host, ...],
            policy: Sts = Sts(), mx: tuple[tuple[int, str], ...] = ONE_MX,
            **fields: Any) -> Domain:
        return Domain(f"{word}.{TLD}", publishes, hosts, mx, signed=False,
                      sts=policy, **fields)

    return [
        sts("sts", "MTA-STS: enforce", (_host(),)),
        sts("sts-mx", "MTA-STS: enforce; its only MX is not in the policy",
            (_host(),), Sts(mx=("other.sts-mx.example",))),
        sts("sts-mx-second",
            "MTA-STS: enforce; only the second MX is in the policy",
            (_host("mx1"), _host("mx2")),
            Sts(mx=("mx2.sts-mx-second.example",)), TWO_MX),
        sts("sts-alien", "MTA-STS: enforce; the certificate is for another "
            "name", (_host(cert=ALIEN),)),
        sts("sts-domain-name",
            "MTA-STS: enforce; the certificate names only the domain",
            (_host(cert=CertSpec(names=("sts-domain-name.example",))),)),
        sts("sts-expired", "MTA-STS: enforce; the certificate has expired",
            (_host(cert=EXPIRED),)),
        sts("sts-self", "MTA-STS: enforce; self-signed certificate",
            (_host(cert=SELF_SIGNED),)),
        sts("sts-renewed",
            "MTA-STS: enforce, later none; self-signed certificate",
            (Host("mx", cert=SELF_SIGNED),)),
        sts("sts-clear", "MTA-STS: enforce; no STARTTLS",
            (_host(behaviour=does(Starttls.ABSENT)),)),
        sts("sts-inject", "MTA-STS: enforce; a reply is injected after the "
            "220 to STARTTLS", (_host(behaviour=does(Starttls.INJECT)),)),
        sts("sts-stripped",
            "MTA-STS: enforce; a man in the middle removes STARTTLS",
            (_host(stripped=True),)),
        sts("sts-testing", "MTA-STS: testing; self-signed certificate",
            (Host("mx", cert=SELF_SIGNED),), Sts(mode="testing")),
        sts("sts-testing-clear", "MTA-STS: testing; no STARTTLS",
            (Host("mx", behaviour=does(Starttls.ABSENT)),),
            Sts(mode="testing")),
        sts("sts-none", "MTA-STS: none; self-signed certificate",
            (Host("mx", cert=SELF_SIGNED),), Sts(mode="none")),
        sts("sts-down", "MTA-STS, but the policy host is down",
            (Host("mx", cert=SELF_SIGNED),), Sts(up=False)),
        sts("sts-webpki", "MTA-STS, but the policy host's certificate is for "
            "another name", (Host("mx", cert=SELF_SIGNED),),
            Sts(cert=ALIEN)),
        sts("sts-cached", "MTA-STS: enforce; the policy host goes down later",
            (_host(),)),
        sts("sts-unknown", "the _mta-sts lookup: SERVFAIL", (_host(),),
            faults={("_mta-sts", "TXT"): Fault.SERVFAIL}),
    ]


STAGES = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "end")
REPLIES = {"later": "451 4.3.0 later", "never": "550 5.7.0 never"}


def _opportunistic() -> list[Domain]:
    def plain(word: str, publishes: str, *hosts: Host,
              mx: tuple[tuple[int, str], ...] = ONE_MX,
              signed: bool = False) -> Domain:
        return Domain(f"{word}.{TLD}", publishes, hosts, mx, signed)

    misbehaving = [
        plain(f"may-{word}", f"nothing; STARTTLS is {how.value}",
              Host("mx", does(how)))
        for word, how in STARTTLS_FAULTS.items()
    ]
    refusing = [
        plain(f"{word}-{stage.lower()}",
              f"nothing; the first host says {reply} to {stage}",
              Host("mx1", Behaviour(replies={stage: reply})), Host("mx2"),
              mx=TWO_MX)
        for word, reply in REPLIES.items() for stage in STAGES
    ]
    return misbehaving + refusing + [
        plain("may", "nothing; self-signed certificate",
              Host("mx", cert=ALIEN_EXPIRED)),
        plain("may-stripped",
              "nothing; a man in the middle removes STARTTLS",
              Host("mx", stripped=True)),
        plain("uneven",
              "nothing; of three equal MX one has no STARTTLS, one does not "
              "exist",
              Host("clear", does(Starttls.ABSENT)),
              Host("gone", resolves=False),
              Host("tls", cert=SELF_SIGNED),
              mx=((10, "clear"), (10, "gone"), (10, "tls"))),
        plain("legacy", "nothing; no STARTTLS",
              Host("mx", does(Starttls.ABSENT))),
        Domain(f"legacy-dane.{TLD}", "DANE, but its host has no STARTTLS",
               (Host("mx", does(Starttls.ABSENT), tlsa=(Tlsa.EE,)),),
               ONE_MX),
        plain("strict", "nothing; self-signed certificate",
              Host("mx", cert=SELF_SIGNED, clear_forbidden=True)),
        plain("strict-clear", "nothing; no STARTTLS",
              Host("mx", does(Starttls.ABSENT), clear_forbidden=True)),
        plain("pinned", "nothing; an expired certificate for another name",
              Host("mx", cert=ALIEN_EXPIRED, clear_forbidden=True)),
        plain("private", "nothing; certificates of a CA of its own",
              Host("mx", cert=BY_PRIVATE_CA, clear_forbidden=True)),
        plain("portal", "nothing; for mail that no host of others may have",
              Host("mx", clear_forbidden=True)),
        plain("slow", "nothing; half a second before each reply",
              Host("mx", Behaviour(delay=0.5))),
        # Where the gateway's own reports of failure go.
        Domain(f"sender.{TLD}", "the sender's own domain",
               (Host("mx", clear_forbidden=True, tlsa=(Tlsa.EE,)),), ONE_MX),
    ]


# Where a session is cut, by word: after RCPT is before DATA.
CUTS = {
    "greeting": Cut("greeting"),
    "ehlo-rst": Cut("EHLO", reset=True),
    "rcpt": Cut("RCPT", "25"),
    "data-rst": Cut("DATA", reset=True),
    "354-rst": Cut("DATA", "354 go on\r\n", reset=True),
    "end": Cut("end"),
    "end-rst": Cut("end", reset=True),
    "end-half": Cut("end", "250 2.0"),
}

BAD_HOSTS = 19
# None of them answers: what is at the address, in turn.
SILENT_NETWORK, REFUSING_NETWORK = "127.201.0", "127.202.0"
RESET_NETWORK, CLOSED_NETWORK = "127.203.0", "127.204.0"
OWN_ADDRESS = "127.205.0.1"
NAT_ADDRESSES = ("127.206.0.1", "127.206.0.2")


def _bad_address(number: int) -> tuple[str, str]:
    kinds = (SILENT_NETWORK, REFUSING_NETWORK, RESET_NETWORK, CLOSED_NETWORK)
    at = number % (len(kinds) + 1)
    if at == len(kinds):
        return "AAAA", f"2001:db8::{number + 1}"
    return "A", f"{kinds[at]}.{number + 1}"


def _hostile() -> list[Domain]:
    cut = [
        Domain(f"cut-{word}.{TLD}", f"nothing; its host is cut: {cut}",
               (Host("mx", Behaviour(cut=cut)),), ONE_MX, signed=False)
        for word, cut in CUTS.items()
    ]
    return cut + [
        Domain(f"far.{TLD}", "nothing; its host is behind a link that tests "
               "raise", mx=ONE_MX, signed=False, records=(("mx", "A", FAR),)),
        Domain(f"many.{TLD}", "nothing; only the last of 20 hosts answers",
               (Host("last"),),
               tuple((i, f"bad{i}") for i in range(BAD_HOSTS)) +
               ((BAD_HOSTS, "last"),), signed=False,
               records=tuple((f"bad{i}", *_bad_address(i))
                             for i in range(BAD_HOSTS))),
        Domain(f"own.{TLD}", "an MX that is the gateway, by its address",
               (Host("worse"),), ((10, "own"), (20, "worse")), signed=False,
               records=(("own", "A", OWN_ADDRESS),
                        ("own", "AAAA", f"::ffff:{OWN_ADDRESS}"))),
        Domain(f"facing.{TLD}", "its hosts are two gateways, which cannot "
               "know", mx=((10, "a"), (10, "b")), signed=False,
               records=tuple((name, "A", address) for name, address
                             in zip("ab", NAT_ADDRESSES))),
    ]


def _real() -> list[Domain]:
    return [
        Domain(f"rich.{TLD}", "DANE; its host has every extension",
               (_host("mx", Tlsa.EE, behaviour=Behaviour(extensions=RICH)),),
               ONE_MX),
        *(Domain(f"old-{kind}.{TLD}", f"nothing; {kind} with TLS 1.0 alone",
                 (Host("mx", cert=SELF_SIGNED, external=True),), ONE_MX,
                 signed=False)
          for kind in ("postfix", "exim")),
        Domain(f"postfix.{TLD}", "DANE; Postfix receives",
               (Host("mx", tlsa=(Tlsa.EE,), external=True),), ONE_MX),
        Domain(f"exim.{TLD}", "MTA-STS: enforce; Exim receives",
               (Host("mx", external=True),), ONE_MX, signed=False,
               sts=Sts()),
        Domain(f"node.{TLD}", "DANE; smtp-server receives",
               (_host("mx", Tlsa.EE, external=True),), ONE_MX),
        Domain(f"node-strict.{TLD}",
               "MTA-STS: enforce; smtp-server with a self-signed certificate",
               (_host(cert=SELF_SIGNED, external=True),), ONE_MX,
               signed=False, sts=Sts()),
        Domain(f"node-clear.{TLD}", "nothing; smtp-server without STARTTLS",
               (Host("mx", external=True),), ONE_MX, signed=False),
        Domain(f"opensmtpd.{TLD}", "nothing; OpenSMTPD receives",
               (Host("mx", cert=SELF_SIGNED, external=True),), ONE_MX,
               signed=False),
    ]


REPORT_ADDRESS = "127.45.0.1"  # of rpt.reports.example, port 443


def _reported() -> list[Domain]:
    """Domains that ask for TLS reports, and the one that takes them."""
    def asks(rua: str) -> tuple[tuple[str, str, str], ...]:
        return (("_smtp._tls", "TXT", f'"v=TLSRPTv1; rua={rua}"'),)

    both = f"mailto:tls@reports.{TLD},https://rpt.reports.{TLD}/in"
    return [
        Domain(f"reported.{TLD}", "DANE 3 1 1; wants TLS reports",
               (_host("mx", Tlsa.EE),), ONE_MX, records=asks(both)),
        Domain(f"reported-sts.{TLD}",
               "MTA-STS that the certificate fails; wants TLS reports",
               (_host("mx", cert=ALIEN),), ONE_MX, sts=Sts(),
               records=asks(f"https://rpt.reports.{TLD}/sts")),
        Domain(f"reports.{TLD}",
               "takes TLS reports; TLSA of another key, so that only they "
               "arrive there",
               (_plain("mx", Tlsa.EE_OTHER),), ONE_MX,
               records=(("rpt", "A", REPORT_ADDRESS),
                        *asks(f"mailto:tls@reports.{TLD}"))),
    ]


DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (*_dane(), *_dns(), *_dnssec(), *_sts(), *_opportunistic(), *_hostile(),
                   *_real(), *_reported())
}
