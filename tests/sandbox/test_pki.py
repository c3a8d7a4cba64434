"""The sandbox's certificates hold up against strict TLS clients."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from eksauth.sandbox import pki


def _handshake(tmp_path: Path, ca: pki.CertificateAuthority, pair: tuple[bytes, bytes], server_name: str) -> None:
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    certificate.write_bytes(pair[0])
    key.write_bytes(pair[1])
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    client_side = ssl.create_default_context(cadata=ca.cert_pem.decode())
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    left, right = socket.socketpair()
    problems: list[Exception] = []

    def serve() -> None:
        try:
            with server_side.wrap_socket(left, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client_side.wrap_socket(right, server_hostname=server_name) as wrapped:
            wrapped.sendall(b"x")
    finally:
        right.close()
        thread.join(10)
        left.close()
    assert not problems


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "::1", "localhost", "demo.sandbox.internal"], ids=["ipv4", "ipv6", "localhost", "extra"]
)
def test_strict_python_accepts_every_name(tmp_path: Path, name: str) -> None:
    """A client with the strict X.509 checks of Python 3.13 accepts the server under each of its names."""
    ca = pki.new_authority("test authority")
    pair = pki.issue_server_certificate(ca, [*pki.LOOPBACK_HOSTS, "demo.sandbox.internal"])
    _handshake(tmp_path, ca, pair, name)


def test_other_names_are_refused(tmp_path: Path) -> None:
    """The certificate is good for nothing but the names it was asked for."""
    ca = pki.new_authority("test authority")
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _handshake(tmp_path, ca, pki.issue_server_certificate(ca, ["localhost"]), "example.com")


def test_other_authorities_are_refused(tmp_path: Path) -> None:
    """A second authority of the same name does not vouch for the first one's certificates."""
    ca, other = pki.new_authority("same name"), pki.new_authority("same name")
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(tmp_path, other, pki.issue_server_certificate(ca, ["localhost"]), "localhost")


def test_openssl_verifies_strictly(tmp_path: Path) -> None:
    """``openssl verify -x509_strict`` accepts server and client certificates for their purpose only."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl program on PATH")
    ca = pki.new_authority("test authority")
    (tmp_path / "ca").write_bytes(ca.cert_pem)
    (tmp_path / "server").write_bytes(pki.issue_server_certificate(ca, pki.LOOPBACK_HOSTS)[0])
    (tmp_path / "client").write_bytes(pki.issue_client_certificate(ca, "alice", ["system:masters", "dev"])[0])
    for purpose, name, expected in (
        ("sslserver", "server", 0),
        ("sslclient", "client", 0),
        ("sslserver", "client", 2),
        ("sslclient", "server", 2),
    ):
        command = [openssl, "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca", name]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == expected


def test_client_certificate_names_user_and_groups() -> None:
    """CN carries the user, one O per group, in the order given."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    ca = pki.new_authority("test authority")
    certificate = x509.load_pem_x509_certificate(pki.issue_client_certificate(ca, "alice", ["b", "a"])[0])
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["b", "a"]
    assert [a.value for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["alice"]


def test_leaf_never_outlives_the_authority() -> None:
    """A certificate asked for longer than its authority lives is cut to the authority's end."""
    from cryptography import x509

    ca = pki.new_authority("test authority")
    leaf = x509.load_pem_x509_certificate(pki.issue_server_certificate(ca, ["localhost"], days=9999)[0])
    assert leaf.not_valid_after_utc == x509.load_pem_x509_certificate(ca.cert_pem).not_valid_after_utc


def test_no_hosts_is_an_error() -> None:
    """A certificate for nobody is refused."""
    with pytest.raises(ValueError, match="at least one host"):
        pki.issue_server_certificate(pki.new_authority("x"), [])


def test_repr_shows_no_key() -> None:
    """The authority's private key stays out of reprs."""
    assert "PRIVATE" not in repr(pki.new_authority("x"))
