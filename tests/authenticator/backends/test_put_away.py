"""Tables that were replaced."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.backends.files.dynamic_file import dynamic_file_backend
from eksauth.authenticator.mapping.model import Match, NotMapped
from eksauth.authenticator.mapping.steps import STEP


def content(count: int) -> str:
    """Return a dynamic file of many roles and CICDRole."""
    names = [f"R{at}" for at in range(count)] + ["CICDRole"]
    return json.dumps(
        {"mapRoles": [{"rolearn": f"arn:aws:iam::{A}:role/{name}", "username": str(count)} for name in names]}
    )


async def test_a_replaced_table_goes_while_the_new_one_answers(tmp_path: Path) -> None:
    """The old entries are given up bit by bit, and every lookup meanwhile is the new table's."""
    path = tmp_path / "dynamic.json"
    path.write_text(content(3 * STEP))
    backend = dynamic_file_backend(path, strict=False)
    await backend.start()
    try:
        old = backend.table
        path.write_text(content(2))
        async with asyncio.timeout(30):
            while backend.status().generation == 1:
                await asyncio.sleep(0.01)
        answer = backend.lookup(identity())
        assert isinstance(answer, Match)
        assert answer.username == "2"
        async with asyncio.timeout(30):
            while not isinstance(old.lookup(identity(f"arn:aws:sts::{A}:assumed-role/R0/s")), NotMapped):
                await asyncio.sleep(0.01)
    finally:
        await backend.close()
