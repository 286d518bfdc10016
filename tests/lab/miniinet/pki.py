# SPDX-License-Identifier: BSD-2-Clause
"""Certificate authorities of the mini-internet.

The *public* authority is a root that the gateway trusts, with an issuing
authority below it, as on the real internet.  The *private* one is known to
nobody; only a TLSA record can make it worth something.
"""

from __future__ import annotations

import datetime
import enum
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Issuer(enum.Enum):
    PUBLIC = "public"
    PRIVATE = "private"
    SELF = "self-signed"


@dataclass(frozen=True)
class CertSpec:
    """What certificate a host has."""

    names: tuple[str, ...] = ()  # none: the name of the host itself
    issuer: Issuer = Issuer.PUBLIC
    expired: bool = False
    client: bool = False  # shown to servers, not by one


@dataclass(frozen=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate


@dataclass(frozen=True)
class Identity:
    """A certificate with its key and chain, as one PEM file."""

    path: Path
    leaf: x509.Certificate
    issuer: x509.Certificate

    def tlsa_ee(self) -> str:
        """3 1 1: the host's own key."""
        return "3 1 1 " + hashlib.sha256(_spki(self.leaf)).hexdigest()

    def tlsa_ta(self) -> str:
        """2 0 1: the certificate that signed the host's."""
        der = self.issuer.public_bytes(serialization.Encoding.DER)
        return "2 0 1 " + hashlib.sha256(der).hexdigest()


def _spki(cert: x509.Certificate) -> bytes:
    return cert.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo,
    )


def _name(text: str) -> x509.Name:
    # X.520 bounds a common name at 64 characters.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


class Pki:
    """Makes certificates below `folder`; ca_file is what the gateway trusts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.root = self._authority("Lab Root CA", None)
        self.public = self._authority("Lab Issuing CA", self.root)
        self.private = self._authority("Private CA of a Domain", None)
        self.ca_file = folder / "public-root.pem"
        self.ca_file.write_bytes(_pem(self.root.cert))
        self.private_file = folder / "private-ca.pem"
        self.private_file.write_bytes(_pem(self.private.cert))

    def issue(self, spec: CertSpec, host: str) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        names = spec.names or (host,)
        authority, chain = self._issuer(spec.issuer)
        builder = (
            self._builder(names[0], key, authority, spec.expired)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(n) for n in names]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([
                    ExtendedKeyUsageOID.CLIENT_AUTH if spec.client
                    else ExtendedKeyUsageOID.SERVER_AUTH
                ]),
                critical=False,
            )
        )
        cert = builder.sign(key if authority is None else authority.key,
                            hashes.SHA256())
        # A host may get a second identity and go back to its first.
        serial = len(list(self.folder.glob(f"{host}.*.pem")))
        path = self.folder / f"{host}.{serial}.pem"
        path.write_bytes(
            b"".join(_pem(c) for c in (cert, *chain))
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return Identity(path, cert, chain[0] if chain else cert)

    def _issuer(
        self, issuer: Issuer
    ) -> tuple[Authority | None, list[x509.Certificate]]:
        """Who signs, and what is sent beside the leaf."""
        if issuer is Issuer.PUBLIC:
            return self.public, [self.public.cert]
        if issuer is Issuer.PRIVATE:
            return self.private, [self.private.cert]
        return None, []

    def _authority(self, name: str, parent: Authority | None) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(name, key, parent, expired=False)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True,
                              False, False),
                critical=True,
            )
        )
        signer = key if parent is None else parent.key
        return Authority(key, builder.sign(signer, hashes.SHA256()))

    @staticmethod
    def _builder(
        subject: str,
        key: ec.EllipticCurvePrivateKey,
        parent: Authority | None,
        expired: bool,
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        end = now - 30 * DAY if expired else now + 365 * DAY
        issuer = _name(subject) if parent is None else parent.cert.subject
        signer = key if parent is None else parent.key
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - 395 * DAY)
            .not_valid_after(end)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    signer.public_key()
                ),
                critical=False,
            )
        )
