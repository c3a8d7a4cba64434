"""Certificates and keys that would not work are told apart before anything is sent."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from tests.credentials.roles_anywhere.pairs import NOW, Pair, make, new_rsa, write

from eksauth.credentials.roles_anywhere.key_pair import load_signer
from eksauth.credentials.roles_anywhere.signing import X509Signer
from eksauth.errors import CredentialsError


def _load(certificate: str, key: str, password: str = "") -> X509Signer:
    def ask() -> str:
        if not password:
            raise CredentialsError("nobody asked for a password here", code="test.asked")
        return password

    return load_signer(certificate, key, what="identity 'ci'", password=ask, now=NOW)


def _files(tmp_path: Path, pair: Pair, key: bytes | None = None) -> tuple[str, str]:
    return (
        write(tmp_path / "cert.pem", pair.certificate_pem(), mode=0o644),
        write(tmp_path / "key.pem", key if key is not None else pair.key_pem()),
    )


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("key", [new_rsa, lambda: ec.generate_private_key(ec.SECP384R1())], ids=["RSA", "EC"])
def test_keys_of_both_kinds(tmp_path: Path, key: object, form: PrivateFormat) -> None:
    """RSA and EC keys are read in both PEM forms, and give the algorithm its name."""
    pair = make("leaf", key=key())  # type: ignore[operator]
    signer = _load(*_files(tmp_path, pair, pair.key_pem(form=form)))

    assert signer.serial == pair.certificate.serial_number
    assert signer.certificate == pair.certificate.public_bytes(Encoding.DER)
    assert signer.algorithm in {"AWS4-X509-RSA-SHA256", "AWS4-X509-ECDSA-SHA256"}
    assert signer.chain == ()


def test_the_chain_goes_along(tmp_path: Path) -> None:
    """The leaf is the certificate of the key, wherever it is in the file; the others are the chain, in order."""
    root = make("root", ca=True)
    middle = make("middle", root, ca=True)
    leaf = make("leaf", middle)
    key = write(tmp_path / "key.pem", leaf.key_pem())
    usual = write(tmp_path / "a.pem", leaf.certificate_pem(), middle.certificate_pem())
    other = write(tmp_path / "b.pem", middle.certificate_pem(), leaf.certificate_pem())

    for path in (usual, other):
        signer = _load(path, key)
        assert signer.certificate == leaf.certificate.public_bytes(Encoding.DER)
        assert signer.chain == (middle.certificate.public_bytes(Encoding.DER),)


def test_one_file_for_both_and_der(tmp_path: Path) -> None:
    """A combined PEM file and a certificate in DER work too."""
    pair = make("leaf")
    both = write(tmp_path / "both.pem", pair.certificate_pem(), pair.key_pem())
    der = write(tmp_path / "cert.der", pair.certificate.public_bytes(Encoding.DER))

    assert _load(both, both).serial == pair.certificate.serial_number
    assert _load(der, both).serial == pair.certificate.serial_number


def test_an_encrypted_key(tmp_path: Path) -> None:
    """The password is asked only for an encrypted key; a wrong one is told as that."""
    pair = make("leaf")
    files = _files(tmp_path, pair, pair.key_pem("correct horse"))

    assert _load(*files, password="correct horse").serial == pair.certificate.serial_number
    with pytest.raises(CredentialsError) as caught:
        _load(*files, password="wrong horse")
    assert caught.value.code == "roles_anywhere.password"
    assert "horse" not in str(caught.value)
    with pytest.raises(CredentialsError) as caught:
        _load(*files)
    assert caught.value.code == "test.asked"


@pytest.mark.parametrize(
    "pair, code, says",
    [
        pytest.param(make("x", ends=NOW - 60), "roles_anywhere.expired", "expired on 2030-03-17", id="expired"),
        pytest.param(make("x", starts=NOW + 3600), "roles_anywhere.not_yet", "valid only from", id="not yet valid"),
        pytest.param(make("x", ca=True), "roles_anywhere.ca", "authority", id="an authority's"),
        pytest.param(make("x", signature=False), "roles_anywhere.usage", "signatures", id="for encryption only"),
        pytest.param(
            make("x", key=ed25519.Ed25519PrivateKey.generate()), "roles_anywhere.key_type", "RSA nor EC", id="Ed25519"
        ),
    ],
)
def test_certificates_that_are_refused(tmp_path: Path, pair: Pair, code: str, says: str) -> None:
    """What Roles Anywhere would refuse is refused here, with the reason that it would not give."""
    with pytest.raises(CredentialsError, match=says) as caught:
        _load(*_files(tmp_path, pair))
    assert caught.value.code == code


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    """A renewed certificate with the old key is told apart from everything else."""
    with pytest.raises(CredentialsError, match="does not belong") as caught:
        _load(*_files(tmp_path, make("leaf"), make("leaf").key_pem()))
    assert caught.value.code == "roles_anywhere.mismatch"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read(tmp_path: Path, mode: int) -> None:
    """A private key that is not private is not used."""
    certificate, key = _files(tmp_path, make("leaf"))
    Path(key).chmod(mode)

    with pytest.raises(CredentialsError, match="other users") as caught:
        _load(certificate, key)
    assert f"chmod 600 {key}" in str(caught.value.hint)


@pytest.mark.parametrize(
    "certificate, key, code",
    [
        pytest.param(None, b"", "file.missing", id="no certificate"),
        pytest.param(b"", b"", "roles_anywhere.certificate", id="an empty certificate"),
        pytest.param(b"hunter2", b"", "roles_anywhere.certificate", id="another file"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n",
            b"",
            "roles_anywhere.certificate",
            id="junk",
        ),
        pytest.param(make("x").certificate_pem(), None, "file.missing", id="no key"),
        pytest.param(make("x").certificate_pem(), b"hunter2", "roles_anywhere.key", id="no key in the file"),
        pytest.param(
            make("x").certificate_pem(), make("x").certificate_pem(), "roles_anywhere.key", id="a certificate"
        ),
        pytest.param(
            make("x").certificate_pem(),
            b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
            "roles_anywhere.key",
            id="a broken key",
        ),
        pytest.param(
            make("x").certificate_pem(), b"-----BEGIN RSA PRIVATE KEY-----\n" * 20000, "file.too_large", id="a huge key"
        ),
    ],
)
def test_files_that_do_not_work(tmp_path: Path, certificate: bytes | None, key: bytes | None, code: str) -> None:
    """Each fault of the two files has its own error, which does not repeat what is in them."""
    if certificate is not None:
        write(tmp_path / "cert.pem", certificate)
    if key is not None:
        write(tmp_path / "key.pem", key)

    with pytest.raises(CredentialsError) as caught:
        _load(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    assert caught.value.code == code
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_without_cryptography(tmp_path: Path) -> None:
    """Where the optional package is missing, the error says which extra has it."""
    script = (
        "import sys\n"
        "sys.modules['cryptography'] = None\n"
        "from eksauth.credentials.roles_anywhere.key_pair import load_signer\n"
        "from eksauth.errors import CredentialsError\n"
        "try: load_signer('a', 'b', what='x', password=str, now=0)\n"
        "except CredentialsError as error: print(error.code, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout == "roles_anywhere.cryptography run: pip install 'eksauth[keyring]'\n", done.stderr


def test_no_repr_shows_the_key() -> None:
    """What signs can be logged by accident without harm."""
    assert "secret" not in repr(X509Signer(b"", (), 1, "RSA", builtins.bytes))
