"""The names under which a chain's credentials are cached, one for each link.

A name is a SHA-256 over everything that made them: realm, the facts of all links up to this one, the variables that the
configuration read, the files, variables and profiles that a link depends on, region and endpoint. A change to a comment
of the configuration therefore costs nobody a login, and a change to any link makes it another entry.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from eksauth.aws.digest import sha256
from eksauth.credentials.config.model import AuthConfig
from eksauth.credentials.identities.contract import HasInputs, Input, Step
from eksauth.credentials.identity_inputs import endpoints_digest, input_digest
from eksauth.credentials.slow_settings import full_settings

FORMAT = "eksauth link 1"


def inputs_of(steps: Sequence[Step], environ: Mapping[str, str]) -> tuple[Input, ...]:
    """Return what the steps depend on outside the configuration."""
    return tuple([each for step in steps if isinstance(step, HasInputs) for each in step.inputs(environ)])


def link_keys(
    config: AuthConfig, steps: Sequence[Step], regions: Sequence[str], environ: Mapping[str, str]
) -> tuple[str | None, ...]:
    """Return the entry names, one for each step; None from the first link on whose inputs cannot be told apart.

    :param regions: where each step asks AWS.
    :raises ConfigError: when an AWS profile that a step names is missing, or its file is broken.
    """
    hasher = sha256()

    def add(text: str) -> None:
        data = text.encode(errors="surrogateescape")
        hasher.update(b"%d:" % len(data))
        hasher.update(data)

    for text in (FORMAT, config.realm, endpoints_digest(environ), str(os.getuid())):
        add(text)
    for name, value in config.inputs:
        add(name)
        add(value)
    keys: list[str | None] = []
    told = True
    for step, region in zip(steps, regions, strict=True):
        for text in (step.kind, region, *step.facts()):
            add(text)
        add("|")
        for kind, name in inputs_of([step], environ):
            state = input_digest(kind, name, environ, full_settings)
            told = told and state is not None
            add(f"{kind} {name} {state}")
        keys.append(str(hasher.hexdigest()) if told else None)
    return tuple(keys)
