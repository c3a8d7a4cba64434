"""The pytest plugin: fixtures that hand a test the whole chain on loopback.

Registered under ``pytest11``: installing eksauth is enough. Nothing heavy is imported until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eksauth.testing import SandboxHandle


@pytest.fixture(scope="session")
def eksauth_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxHandle]:
    """Start a sandbox for the session and take it down afterwards; see :class:`eksauth.testing.SandboxHandle`.

    Skips the test when the ``sandbox`` extra is not installed. Set ``EKSAUTH_SANDBOX_API_SERVER`` to ``embedded`` or
    ``real`` to choose the API server.
    """
    from importlib.util import find_spec

    if find_spec("moto") is None or find_spec("aiohttp") is None:
        pytest.skip("eksauth[sandbox] is not installed")
    from eksauth.testing import running_sandbox

    with running_sandbox(tmp_path_factory.mktemp("eksauth") / "sandbox") as handle:
        yield handle
