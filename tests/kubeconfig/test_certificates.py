"""The dates of certificates, against a cryptography library."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from eksauth.kubeconfig.certificates import NotACertificate, has_private_key, validities

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(begin: datetime, end: datetime, subject: str = "a") -> bytes:
    """Return a certificate as PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(KEY, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.datetimes(datetime(1950, 1, 2), datetime(9999, 1, 1)), min_size=2, max_size=2), st.text(max_size=16))
def test_dates_are_those_that_a_library_reads(dates: list[datetime], subject: str) -> None:
    """Both encodings of time, whatever the names (of 64 bytes at most, by X.520) and serial numbers before them."""
    begin, end = sorted(date.replace(microsecond=0) for date in dates)
    pem = certificate(begin, end, "".join(letter for letter in subject if letter.isalnum()) or "x")
    (found,) = validities(pem)
    assert found.not_before == begin.replace(tzinfo=UTC).timestamp()
    assert found.not_after == end.replace(tzinfo=UTC).timestamp()


def test_a_bundle_has_one_validity_for_each() -> None:
    """Text between the blocks and other blocks are no obstacle."""
    first = certificate(datetime(2020, 1, 1), datetime(2021, 1, 1))
    second = certificate(datetime(2022, 1, 1), datetime(2023, 1, 1))
    key = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert len(validities(b"# one\n" + first + key + second.replace(b"\n", b"\r\n"))) == 2
    assert has_private_key(key)
    assert not has_private_key(first)


@settings(max_examples=150, deadline=None, database=None)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(0, 400))
def test_damage_never_crashes(place: int, byte: int, cut: int) -> None:
    """A certificate with a wrong byte or cut off either still has dates or is none."""
    import base64

    pem = certificate(datetime(2020, 1, 1), datetime(2021, 1, 1))
    der = bytearray(base64.b64decode(b"".join(pem.splitlines()[1:-1])))
    der[place % len(der)] = byte
    damaged = bytes(der[: max(1, len(der) - cut)])
    text = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(damaged) + b"\n-----END CERTIFICATE-----\n"
    with suppress(NotACertificate):
        assert len(validities(text)) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"abc",
        b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
        b"-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----",
    ],
    ids=["empty", "text", "not base64", "not DER"],
)
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    """With a reason."""
    with pytest.raises(NotACertificate):
        validities(data)
