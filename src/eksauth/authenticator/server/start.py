"""One process or several: the use-case behind ``eksauth server run``."""

from __future__ import annotations

import asyncio

from eksauth.authenticator.server import decision_log
from eksauth.authenticator.server.launch import Launch
from eksauth.authenticator.server.run import loop_factory, serve


def start(launch: Launch) -> int:
    """Serve until told to stop and return the exit code.

    :raises ConfigError: when something that the configuration names cannot be used.
    """
    config = asyncio.run(launch.read())
    decision_log.configure(launch.log_format, config.log_verbosity)
    settings = launch.settings(config)
    if config.workers > 1:
        from eksauth.authenticator.server.workers.supervisor import supervise

        supervising = supervise(launch, settings, config.workers)
        del config
        return asyncio.run(supervising)
    read = launch.read if launch.path is not None else None
    serving = serve(config, settings, read=read, path=launch.path)
    del config  # or its mappings would stay in memory when newer ones have replaced them
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(serving)
