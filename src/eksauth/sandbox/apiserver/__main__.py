"""Run the API server as a process of its own: ``python -m eksauth.sandbox.apiserver --config FILE``, or with flags.

The flags are named as kube-apiserver names them.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from eksauth.errors import EksauthError, UsageError
from eksauth.sandbox.apiserver.config import ServerConfig, load_config
from eksauth.sandbox.apiserver.server import EmbeddedApiServer

_FLAGS = {
    "state_dir": "--state-dir",
    "host": "--bind-address",
    "port": "--secure-port",
    "token_webhook_kubeconfig": "--authentication-token-webhook-config-file",
    "token_webhook_version": "--authentication-token-webhook-version",
    "token_webhook_cache_seconds": "--authentication-token-webhook-cache-seconds",
    "token_file": "--token-auth-file",
    "tls_cert_file": "--tls-cert-file",
    "tls_private_key_file": "--tls-private-key-file",
    "ready_file": "--ready-file",
    "git_version": "--git-version",
}
_TYPES: dict[str, type] = {"port": int, "token_webhook_cache_seconds": float}
_TEXTS = ("host", "token_webhook_version", "git_version")


def read_arguments(argv: Sequence[str]) -> ServerConfig:
    """Turn a command line into a configuration.

    :raises UsageError: when neither a file nor a state directory is given, or both.
    :raises ConfigError: when the file or a value is unusable.
    """
    parser = argparse.ArgumentParser(
        prog="python -m eksauth.sandbox.apiserver",
        description="A small Kubernetes API server on loopback.",
        epilog="Example: python -m eksauth.sandbox.apiserver --state-dir /tmp/api --token-auth-file tokens.csv",
    )
    parser.add_argument("--config", type=Path, help="a configuration file instead of flags")
    for name, flag in _FLAGS.items():
        kind = _TYPES.get(name, str if name in _TEXTS else Path)
        parser.add_argument(flag, dest=name, type=kind)
    parser.add_argument("--api-audiences", help="what tokens must be meant for, separated by commas")
    parser.add_argument("--anonymous-auth", choices=("true", "false"), default="true")
    arguments = vars(parser.parse_args(argv))
    path = arguments.pop("config")
    audiences, anonymous = arguments.pop("api_audiences"), arguments.pop("anonymous_auth")
    given = {name: value for name, value in arguments.items() if value is not None}
    if path is not None:
        if given or audiences is not None or anonymous == "false":
            raise UsageError("--config and other flags exclude each other")
        return load_config(path)
    if "state_dir" not in given:
        raise UsageError("--state-dir or --config is needed")
    if audiences is not None:
        given["api_audiences"] = tuple(entry for entry in audiences.split(",") if entry)
    if anonymous == "false":
        given["anonymous_paths"] = ()
    return ServerConfig(**given)


async def serve(config: ServerConfig) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with EmbeddedApiServer(config) as server:
        sys.stdout.write(f"listening on {server.endpoint}\n")
        sys.stdout.flush()
        await stop.wait()


def main(argv: Sequence[str]) -> int:
    """Run the command line and return the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # failed TLS handshakes are the client's story
    try:
        asyncio.run(serve(read_arguments(argv)))
    except EksauthError as error:
        sys.stderr.write(f"eksauth: error: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"eksauth: hint: {error.hint}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
