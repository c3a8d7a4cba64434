"""SHA-256 without libcrypto: hashlib would load it, which costs a third of an interpreter start."""

try:
    from _sha2 import sha256  # type: ignore[import-not-found, unused-ignore]  # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found, unused-ignore]  # Python 3.11
    except ImportError:  # a build without its own SHA-256, for example one that insists on a FIPS provider
        from hashlib import sha256

__all__ = ["sha256"]
