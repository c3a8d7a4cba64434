"""eksauth: the whole IAM-to-Kubernetes authentication chain.

The public names load on first use (PEP 562): kubectl waits for this module on every command, so it imports nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.credentials.model import Credentials as Credentials
    from eksauth.errors import EksauthError as EksauthError
    from eksauth.token.library import Token as Token
    from eksauth.token.library import mint_token as mint_token

_HOMES = {
    "Credentials": "eksauth.credentials.model",
    "EksauthError": "eksauth.errors",
    "Token": "eksauth.token.library",
    "mint_token": "eksauth.token.library",
}

__all__ = ["Credentials", "EksauthError", "Token", "__version__", "mint_token"]


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
