"""eksauth: the whole IAM-to-Kubernetes authentication chain.

The public names load on first use (PEP 562): kubectl waits for this module on every command, so it imports nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.authenticator.decide import Decision as Decision
    from eksauth.authenticator.decode import DecodedToken as DecodedToken
    from eksauth.authenticator.decode import decode_token as decode_token
    from eksauth.authenticator.library import verify_token as verify_token
    from eksauth.authenticator.library import verify_token_async as verify_token_async
    from eksauth.credentials.model import Credentials as Credentials
    from eksauth.errors import EksauthError as EksauthError
    from eksauth.token.library import Token as Token
    from eksauth.token.library import mint_token as mint_token

_HOMES = {
    "Credentials": "eksauth.credentials.model",
    "Decision": "eksauth.authenticator.decide",
    "DecodedToken": "eksauth.authenticator.decode",
    "EksauthError": "eksauth.errors",
    "Token": "eksauth.token.library",
    "decode_token": "eksauth.authenticator.decode",
    "mint_token": "eksauth.token.library",
    "verify_token": "eksauth.authenticator.library",
    "verify_token_async": "eksauth.authenticator.library",
}

__all__ = [
    "Credentials",
    "Decision",
    "DecodedToken",
    "EksauthError",
    "Token",
    "__version__",
    "decode_token",
    "mint_token",
    "verify_token",
    "verify_token_async",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'eksauth' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
