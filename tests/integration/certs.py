# tests/integration/certs.py: a certificate authority that also issues what a real one must not.
"""Good and odd certificates for the tests, made with python3-cryptography (Debian)."""

import datetime
import ipaddress
import os
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

XMPP_ADDR = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Bundle:
    """What a client needs to connect: paths of PEM files, and the JID that it will be."""

    jid: str
    cert: str
    key: str
    ca: str


def _utf8string(text):
    data = text.encode()
    assert len(data) < 128
    return bytes([0x0C, len(data)]) + data


def _write(path, data, mode=0o600):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
    return path


def _pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


class Authority:
    """A CA in a folder. Its name may equal another's: trust must rest on the key."""

    def __init__(self, folder, name="gridd test CA"):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(
                    False, False, False, False, False, True, True, False, False
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False
            )
            .sign(self.key, hashes.SHA256())
        )
        self.path = _write(
            os.path.join(folder, "ca.crt"),
            self.certificate.public_bytes(serialization.Encoding.PEM),
        )

    def _issue(self, file, common_name, names, usage, begin, end, trust):
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(usage if isinstance(usage, list) else [usage]), critical=False
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        base = os.path.join(self.folder, file)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return Bundle(
            jid=common_name,
            cert=_write(base + ".crt", pem, 0o644),
            key=_write(base + ".key", _pem(key)),
            ca=trust or self.path,
        )

    def server(self, domain):
        """A server certificate for the domain, its services and the loopback address."""
        names = [x509.DNSName(domain)]
        names += [x509.DNSName(f"{part}.{domain}") for part in ("pubsub", "broker", "controller")]
        names += [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue("server", domain, names, usage, -DAY, 30 * DAY, None)

    def both_ways(self, file, names):
        """A certificate of a process that connects to others and is connected to."""
        usage = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        names = names + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return self._issue(file, file, names, usage, -DAY, 30 * DAY, None)

    def member(self, name, *, file=None, role=None):
        """Of a member of a cluster; `role` replaces the name that makes it one."""
        role = x509.UniformResourceIdentifier(role or f"urn:gridd:member:{name}")
        return self.both_ways(file or f"member-{name}", [role])

    def client(
        self,
        jid,
        *,
        file=None,
        addresses=None,
        usage=ExtendedKeyUsageOID.CLIENT_AUTH,
        begin=-DAY,
        end=30 * DAY,
        trust=None,
    ):
        """A client certificate. `addresses` replaces the one xmppAddr; `trust` is the CA that the
        client itself trusts, when that is not this one."""
        names = [
            x509.OtherName(XMPP_ADDR, _utf8string(address))
            for address in ([jid] if addresses is None else addresses)
        ]
        file = file or jid.replace("@", "_at_")
        return self._issue(file, jid, names, usage, begin, end, trust)

    def named(self, jid, common_name):
        """A client certificate with that subject, whose name is not the address."""
        names = [x509.OtherName(XMPP_ADDR, _utf8string(jid))]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        file = jid.replace("@", "_at_") + "_named"
        return self._issue(file, common_name, names, usage, -DAY, 30 * DAY, None)

    def expired(self, jid):
        return self.client(jid, file="expired", begin=-10 * DAY, end=-DAY)

    def not_yet_valid(self, jid):
        return self.client(jid, file="not_yet", begin=DAY, end=10 * DAY)

    def server_only(self, jid):
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self.client(jid, file="server_only", usage=usage)
