"""eksauth: the whole IAM-to-Kubernetes authentication chain.

The public names load on first use (PEP 562): kubectl waits for this module on every command, so it imports nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.errors import EksauthError as EksauthError

_HOMES = {
    "EksauthError": "eksauth.errors",
}

__all__ = ["EksauthError", "__version__"]


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
