# tests/integration/revoking.py: a CA that revokes: lists, an OCSP responder, CAs below it.
"""Certificates with attributes, revocation lists and `openssl ocsp` as a responder on loopback."""

import datetime
import os
import random
import signal
import socket
import subprocess
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certs import DAY, XMPP_ADDR, Bundle, _pem, _utf8string, _write
from gridd import DOMAIN


def serial_of(bundle):
    with open(bundle.cert, "rb") as file:
        return x509.load_pem_x509_certificate(file.read()).serial_number


def key_of(bundle):
    """The SHA-256 of its public key, as gridd writes it."""
    with open(bundle.cert, "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return digest.finalize().hex()


_given = []   # a socket for each, which keeps its name for this process


def free_port():
    """A port that no connection gets by chance before a server listens on it, being below those of
    connections, and that no other test process is given: each binds a name of it, a Unix socket
    without a file, which ends with the process."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        end = int(file.read().split()[0])
    while True:
        port = random.randrange(10240, end)
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0gridd-test-port-{port}")
            with socket.socket() as one:
                one.bind(("", port))
        except OSError:
            name.close()
            continue
        _given.append(name)
        return port


class RevokingAuthority:
    """As certs.Authority, with what revocation and approval rules need."""

    def __init__(self, folder, name="revoking CA", issuer=None):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.issuer = folder, issuer
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = issuer or self
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            self._builder(self.name, signer.name, self.key, -DAY, 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
            )
            .sign(signer.key, hashes.SHA256())
        )
        self.path = _write(os.path.join(folder, "ca.crt"), self.pem())
        self.key_path = _write(os.path.join(folder, "ca.key"), _pem(self.key))
        self.issued = []

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_hash(self):
        digest = hashes.Hash(hashes.SHA256())
        digest.update(
            self.key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return digest.finalize().hex()

    @staticmethod
    def _builder(subject, issuer, key, begin, end):
        now = datetime.datetime.utcnow()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begin)
            .not_valid_after(now + end)
        )

    def client(
        self, jid, *, file=None, organization=None, unit=None, key=None, end=30 * DAY, ocsp=None
    ):
        """A client certificate; the chain of CAs below the root stands in the same file."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        names = [x509.NameAttribute(NameOID.COMMON_NAME, jid)]
        if organization:
            names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        if unit:
            names.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
        builder = self._builder(x509.Name(names), self.name, key, -DAY, end)
        builder = self._usage(builder, ExtendedKeyUsageOID.CLIENT_AUTH, ocsp).add_extension(
            x509.SubjectAlternativeName([x509.OtherName(XMPP_ADDR, _utf8string(jid))]), False
        )
        return self._finish(builder, key, file or jid.replace("@", "_at_"), jid)

    def server(self, domain, ocsp=None, key=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        hosts = [domain, "localhost"] + [f"{p}.{domain}" for p in ("pubsub", "controller")]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
        builder = self._builder(subject, self.name, key, -DAY, 30 * DAY)
        builder = self._usage(builder, ExtendedKeyUsageOID.SERVER_AUTH, ocsp).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), False
        )
        return self._finish(builder, key, "server", domain, with_root=True)

    @staticmethod
    def _usage(builder, usage, ocsp):
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        ).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if ocsp:
            place = x509.UniformResourceIdentifier(ocsp)
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
        return builder

    def _finish(self, builder, key, file, jid, with_root=False):
        certificate = builder.sign(self.key, hashes.SHA256())
        self.issued.append(certificate)
        chain = certificate.public_bytes(serialization.Encoding.PEM)
        above, root = self, self
        while above is not None:
            if above.issuer is not None or with_root:
                chain += above.pem()
            root, above = above, above.issuer
        base = os.path.join(self.folder, file)
        return Bundle(
            jid, _write(base + ".crt", chain, 0o644), _write(base + ".key", _pem(key)), root.path
        )

    def crl(self, path, revoked=(), *, der=False, next_update=DAY, this_update=-DAY / 24):
        """Writes a list beside the place and moves it there, as an operator's script should."""
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now + this_update)
            .next_update(now + next_update)
        )
        for serial in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(serial)
                .revocation_date(now - DAY / 24)
                .build()
            )
        kind = serialization.Encoding.DER if der else serialization.Encoding.PEM
        data = builder.sign(self.key, hashes.SHA256()).public_bytes(kind)
        hidden = os.path.join(os.path.dirname(path), "." + os.path.basename(path))
        os.replace(_write(hidden, data), path)
        return path

    # --- OCSP -------------------------------------------------------------------------------

    def index(self, revoked=()):
        """The file by which `openssl ocsp` knows what was issued."""
        path = os.path.join(self.folder, "index.txt")
        with open(path, "w", encoding="ascii") as file:
            for one in self.issued:
                end = one.not_valid_after.strftime("%y%m%d%H%M%SZ")
                is_revoked = one.serial_number in revoked
                when = datetime.datetime.utcnow().strftime("%y%m%d%H%M%SZ") if is_revoked else ""
                serial = f"{one.serial_number:X}"
                serial = serial.zfill(len(serial) + len(serial) % 2)
                state = "R" if is_revoked else "V"
                subject = "/CN=" + one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
                file.write(f"{state}\t{end}\t{when}\t{serial}\tunknown\t{subject}\n")
        return path

    def responder(self, port, revoked=(), *, minutes=None, extra=()):
        return Responder(self, port, revoked, minutes, extra)


class Responder:
    """`openssl ocsp`: answers about what the CA issued, until it is closed."""

    def __init__(self, authority, port, revoked, minutes, extra=()):
        self.port, self.url = port, f"http://127.0.0.1:{port}"
        command = ["openssl", "ocsp", "-port", str(port), "-index", authority.index(revoked)]
        command += ["-CA", authority.path, "-rsigner", authority.path]
        command += ["-rkey", authority.key_path]
        if minutes:
            command += ["-nmin", str(minutes)]
        self.log_path = os.path.join(authority.folder, f"responder-{port}-{time.monotonic_ns()}")
        self.log = open(self.log_path, "w", encoding="ascii")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            command + list(extra), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        # Not by a connection: one that asks nothing would keep it busy.
        deadline = time.monotonic() + 10
        while "waiting" not in self._said():
            assert time.monotonic() < deadline, "openssl ocsp did not start: " + self._said()
            time.sleep(0.05)

    def _said(self):
        with open(self.log_path, encoding="ascii", errors="replace") as file:
            return file.read()

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None
            self.log.close()


class Counter:
    """Passes connections on to a port and counts them."""

    def __init__(self, port):
        self.to, self.count = port, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            with client, socket.create_connection(("127.0.0.1", self.to)) as there:
                there.sendall(client.recv(65536))
                while data := there.recv(65536):
                    client.sendall(data)

    def close(self):
        self.listener.close()


def set_up(server, authority, ocsp=None):
    """Points an `Operated` server at this CA: its own certificate, the clients', the
    administrator's."""
    own = authority.server(DOMAIN, ocsp)
    server.settings.update(
        {"tls.certificate": own.cert, "tls.key": own.key, "tls.client_ca": authority.path}
    )
    server.authority = authority
    server.admin = authority.client(server.admin.jid, file="admin")
    return server
