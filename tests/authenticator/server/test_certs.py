"""The server's certificate on disk."""

from __future__ import annotations

import contextlib
import os
import ssl
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from eksauth.authenticator.server.certs import alternative_names, covers, load_or_make, make_pair
from eksauth.errors import ConfigError

NOW = 1_767_225_600.0


def certificate_of(pem: bytes) -> x509.Certificate:
    """Return the first certificate in ``pem``."""
    return x509.load_pem_x509_certificates(pem)[0]


def test_a_first_start_makes_a_pair(tmp_path: Path) -> None:
    """Directory, key and certificate appear with the modes they need, and the pair works for TLS."""
    made = load_or_make(tmp_path / "a" / "state", ("127.0.0.1", "localhost"), NOW)
    assert made.made
    assert stat.S_IMODE((tmp_path / "a" / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE(made.key_path.stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "a" / "state").iterdir()) == ["cert.pem", "key.pem"]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate_path, made.key_path)
    assert b"BEGIN RSA PRIVATE KEY" in made.key_path.read_bytes()


def test_the_certificate_has_the_known_shape() -> None:
    """Subject, usages, life and self-signature are those that API servers already trust from aws-iam-authenticator."""
    certificate = certificate_of(make_pair(alternative_names(("127.0.0.1", "localhost")), NOW)[0])
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 2048
    assert certificate.subject == certificate.issuer
    assert certificate.subject.rfc4514_string() == "CN=aws-iam-authenticator"
    assert 365 * 99 < (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 365 * 100
    assert certificate.not_valid_before_utc.timestamp() < NOW
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.key_cert_sign
    assert usage.digital_signature
    assert usage.key_encipherment
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize(
    "names, expected",
    [
        pytest.param(("127.0.0.1", "127.0.0.1"), ["127.0.0.1"], id="same-address-once"),
        pytest.param(("127.0.0.1", "localhost"), ["127.0.0.1", "localhost"], id="address-and-name"),
        pytest.param(("0.0.0.0", "auth.example"), ["auth.example"], id="any-address-v4"),
        pytest.param(("::", "fd00::1"), ["fd00::1"], id="any-address-v6"),
        pytest.param(("", "localhost"), ["localhost"], id="empty"),
        pytest.param(("::", ""), [], id="nothing"),
        pytest.param(("127.0.0.1", "bücher.example"), ["127.0.0.1", "xn--bcher-kva.example"], id="idna"),
    ],
)
def test_alternative_names(names: tuple[str, ...], expected: list[str]) -> None:
    """Every name that a client can use is in the certificate once, and unspecified addresses are not."""
    assert [str(name.value) for name in alternative_names(names)] == expected


def test_a_pair_is_kept_over_restarts(tmp_path: Path) -> None:
    """The second start uses the certificate that API servers were told to trust at the first."""
    first = load_or_make(tmp_path, ("127.0.0.1", "localhost"), NOW)
    second = load_or_make(tmp_path, ("127.0.0.1", "other"), NOW + 1)
    assert (second.pem, second.made) == (first.pem, False)
    assert covers(second.pem, "localhost")
    assert covers(second.pem, "127.0.0.1")
    assert not covers(second.pem, "other")


def test_starts_at_the_same_time_agree(tmp_path: Path) -> None:
    """Of many first starts on one directory exactly one makes the pair and all use it."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: load_or_make(tmp_path / "state", ("127.0.0.1",), NOW), range(8)))
    assert len({pair.pem for pair in found}) == 1
    assert [pair.made for pair in found].count(True) == 1


def make(tmp_path: Path) -> tuple[Path, Path]:
    """Make a good pair and return the paths of certificate and key."""
    pair = load_or_make(tmp_path, ("127.0.0.1",), NOW)
    return pair.certificate_path, pair.key_path


def drop_key(certificate: Path, key: Path) -> None:
    """Leave the certificate alone."""
    key.unlink()


def drop_certificate(certificate: Path, key: Path) -> None:
    """Leave the key alone."""
    certificate.unlink()


def swap_key(certificate: Path, key: Path) -> None:
    """Put somebody else's key in."""
    key.write_bytes(make_pair([], NOW)[1])


def spoil_certificate(certificate: Path, key: Path) -> None:
    """Truncate the certificate."""
    certificate.write_bytes(certificate.read_bytes()[:200])


def spoil_key(certificate: Path, key: Path) -> None:
    """Empty the key."""
    key.write_bytes(b"")


def directory_for_key(certificate: Path, key: Path) -> None:
    """Put a directory where the key should be."""
    key.unlink()
    key.mkdir()


@pytest.mark.parametrize(
    "spoil, code, text",
    [
        (drop_key, "config.certificate", "is not"),
        (drop_certificate, "config.certificate", "is not"),
        (swap_key, "config.certificate", "does not belong to"),
        (spoil_certificate, "config.certificate", "holds no certificate"),
        (spoil_key, "config.certificate", "holds no unencrypted private key"),
        (directory_for_key, "config.state_dir", "is a directory"),
    ],
)
def test_a_pair_that_cannot_work_is_refused_at_start(
    tmp_path: Path, spoil: Callable[[Path, Path], None], code: str, text: str
) -> None:
    """Half a pair, a foreign key or a damaged file is an error with a hint, and nothing on disk is touched."""
    spoil(*make(tmp_path))
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    with pytest.raises(ConfigError) as caught:
        load_or_make(tmp_path, ("127.0.0.1",), NOW)
    assert caught.value.code == code
    assert text in caught.value.message
    assert caught.value.hint
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_an_expired_certificate_is_refused_at_start(tmp_path: Path) -> None:
    """A certificate that every API server would turn down is reported before the first login."""
    make(tmp_path)
    with pytest.raises(ConfigError, match=r"expired on 2125-"):
        load_or_make(tmp_path, ("127.0.0.1",), NOW + 36_501 * 86_400)


def test_a_state_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The error names the directory and the option that chooses another."""
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError) as caught:
        load_or_make(tmp_path / "state", ("127.0.0.1",), NOW)
    assert "--state-dir" in (caught.value.hint or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_state_directory_is_refused(tmp_path: Path) -> None:
    """A directory of somebody else is an error with a hint."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="permission denied"):
        load_or_make(tmp_path / "state", ("127.0.0.1",), NOW)


def test_a_host_name_that_is_none_is_refused() -> None:
    """A host name that cannot be in a certificate is a configuration error."""
    with pytest.raises(ConfigError, match="no host name"):
        alternative_names(("ü" * 80,))


def test_nothing_of_an_interrupted_start_is_used(tmp_path: Path) -> None:
    """Temporary files of a killed start are not taken for a pair."""
    (tmp_path / ".key.pem.x1").write_bytes(b"half a key")
    assert load_or_make(tmp_path, ("127.0.0.1",), NOW).made


def test_a_certificate_that_cannot_be_written_leaves_no_key(tmp_path: Path) -> None:
    """A full disk between the two files does not stop the next start."""
    (tmp_path / "cert.pem").symlink_to(tmp_path / "nowhere" / "cert.pem")
    with pytest.raises(ConfigError, match="cannot use the state directory"):
        load_or_make(tmp_path, ("127.0.0.1",), NOW)
    (tmp_path / "cert.pem").unlink()
    assert load_or_make(tmp_path, ("127.0.0.1",), NOW).made


def test_strict_verifiers_accept_it(tmp_path: Path) -> None:
    """A client that applies RFC 5280 to the letter, as Python 3.13 does, trusts the certificate for its names."""
    pair = load_or_make(tmp_path, ("127.0.0.1", "localhost"), time.time())
    trusting = ssl.create_default_context(cafile=str(pair.certificate_path))
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pair.certificate_path, pair.key_path)
    for name in ("localhost", "127.0.0.1"):
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting.wrap_bio(down, up, server_hostname=name)
        server = serving.wrap_bio(up, down, server_side=True)
        for side in (client, server, client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        assert client.version() == "TLSv1.3"
