"""Which users of a foreign kubeconfig make kubectl run programs: importing one is running somebody's code; pure.

Known since kubernetes/kubectl#697: a kubeconfig is a program. Trusted are only commands that eksauth writes without a
path, with variables that cannot change what is run, and commands that the receiving file has already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eksauth.kubeconfig.document import Document
from eksauth.kubeconfig.model import ExecConfig, User
from eksauth.kubeconfig.redact import redact_arguments

_OWN_COMMANDS = (("token",), ("eks", "get-token"), ("aws", "eks", "token"))
_HARMLESS_VARIABLES = frozenset(
    ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS")
)


@dataclass(frozen=True, slots=True)
class Risk:
    """A user that runs a program.

    :ivar user: the name that the user gets.
    :ivar command: program and arguments, without variables; only the first two arguments, without secrets.
    :ivar variables: names of variables that are set for it.
    """

    user: str
    command: str
    variables: tuple[str, ...]

    def describe(self) -> str:
        """Return it in one line for people."""
        with_variables = f" with {', '.join(self.variables)} set" if self.variables else ""
        return f'user "{self.user}" runs {self.command}{with_variables}'


def risks(users: Iterable[tuple[str, User]], known: Document | None) -> list[Risk]:
    """Return the users among ``users`` whose program nobody has agreed to yet.

    :param known: the file that they are added to.
    """
    agreed = set()
    for entry in known.sections["users"] if known is not None else ():
        if isinstance(entry.value, User) and entry.value.exec is not None:
            agreed.add(_identity(entry.value.exec))
    found = []
    for name, user in users:
        plugin = user.exec
        if plugin is not None and plugin.command and _identity(plugin) not in agreed and not _ours(plugin):
            words = [plugin.command, *redact_arguments(plugin.args or ())[:2]]
            more = " …" if len(plugin.args or ()) > 2 else ""
            names = tuple(variable.name for variable in plugin.env or ())
            found.append(Risk(name, " ".join(words) + more, names))
        provider = user.auth_provider
        if provider is not None and provider.config and provider.config.get("cmd-path"):
            # the gcp provider of kubectl up to 1.25 runs it
            (arguments,) = redact_arguments((provider.config.get("cmd-args", ""),))
            command = f"{provider.config['cmd-path']} {arguments}".strip()
            found.append(Risk(name, command, ()))
    return found


def _identity(plugin: ExecConfig) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]:
    variables = tuple((variable.name, variable.value) for variable in plugin.env or ())
    return plugin.command, variables, plugin.args or ()


def _ours(plugin: ExecConfig) -> bool:
    arguments = plugin.args or ()
    return (
        plugin.command == "eksauth"
        and any(arguments[: len(known)] == known for known in _OWN_COMMANDS)
        and all(variable.name in _HARMLESS_VARIABLES for variable in plugin.env or ())
    )
