"""``python -m eksauth.sandbox.aws --config FILE``: the endpoint as a process of its own, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from eksauth.errors import ConfigError, EksauthError
from eksauth.files import write_whole
from eksauth.sandbox.aws.config import Config, read_config, split_listen


def main(argv: list[str]) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m eksauth.sandbox.aws", description="The AWS endpoint of the sandbox."
    )
    parser.add_argument("--config", required=True, type=Path, help="JSON configuration file")
    config_file: Path = parser.parse_args(argv).config
    try:
        asyncio.run(_serve(read_config(config_file)))
    except EksauthError as error:
        sys.stderr.write(f"eksauth: error: {error}\n")
        if error.hint:
            sys.stderr.write(f"eksauth: hint: {error.hint}\n")
        return error.exit_code
    return 0


async def _serve(config: Config) -> None:
    from eksauth.sandbox.aws.endpoint import AwsEndpoint

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    host, port = split_listen(config.listen)
    try:
        endpoint = AwsEndpoint(
            host=host,
            port=port,
            tls=(Path(config.tls.cert), Path(config.tls.key)),
            control_token=config.control_token,
            seed=config.seed,
            clusters=config.clusters,
            trusted=[Path(one) for one in config.trusted_authorities],
        )
        async with endpoint:
            if config.seed_file is not None:
                write_whole(Path(config.seed_file), msgspec.json.encode(endpoint.seed), 0o600)
            if config.ready_file is not None:
                ready = {"pid": os.getpid(), "url": endpoint.url, "host": endpoint.host, "port": endpoint.port}
                write_whole(Path(config.ready_file), msgspec.json.encode(ready), 0o600)
            await stopped.wait()
    except OSError as error:
        raise ConfigError(f"cannot serve on {config.listen}: {error.strerror or error}") from error
    finally:
        _remove(config.ready_file)


def _remove(path: str | None) -> None:
    if path is not None:
        with suppress(OSError):
            Path(path).unlink()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
