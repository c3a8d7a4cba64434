"""Sockets to listen on."""

from __future__ import annotations

import errno
import socket

from eksauth.errors import ConfigError
from eksauth.files import why


def reserve(address: str, port: int) -> socket.socket:
    """Return a socket that holds an address for several listeners to share, and does not listen itself.

    :raises ConfigError: when the address cannot be had for sharing, or somebody else listens there.
    """
    # a listener that shares would let us in; only one that does not finds out that somebody is there
    with listen(address, port) as alone:
        family, where = alone.family, alone.getsockname()
    holding = socket.socket(family, socket.SOCK_STREAM)
    try:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # as in `listen`
            both = where[0] == "::" and socket.has_dualstack_ipv6()
            holding.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if both else 1)
        holding.bind(where)
    except OSError as error:
        holding.close()
        raise ConfigError(f"cannot share {address} port {port}: {why(error)}", code="config.listen") from None
    return holding


def listen(address: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket; ``::`` takes IPv4 as well where the system can do that.

    :param shared: others may listen on the same address in the same way, and connections are spread over them.
    :raises ConfigError: when the address cannot be had.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"cannot listen on {address} port {port}: no such port", hint="ports are 0 to 65535")
    try:
        family, _, _, _, where = socket.getaddrinfo(
            address or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        both = family == socket.AF_INET6 and where[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(
            (str(where[0]), port), family=family, backlog=1024, dualstack_ipv6=both, reuse_port=shared
        )
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "it is in use" if in_use else why(error)
        hint = "stop what listens there, or choose another port with --port (0 takes a free one)"
        raise ConfigError(
            f"cannot listen on {address} port {port}: {reason}",
            hint=hint if in_use else "choose another with --address and --port",
            code="config.listen",
        ) from None
