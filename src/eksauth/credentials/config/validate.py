"""Everything that is wrong with a configuration file, in the order of its text."""

from __future__ import annotations

from collections.abc import Mapping

from eksauth.credentials.config.assemble import assemble
from eksauth.credentials.config.checks import doubts, secrets_in_text
from eksauth.credentials.config.document import read_document, writable_by_others
from eksauth.credentials.config.model import Place
from eksauth.credentials.config.problems import Problem, Severity, as_problem, in_order
from eksauth.errors import ConfigError


def validate(path: str, environ: Mapping[str, str], *, searched: bool = False) -> list[Problem]:
    """Return every problem of a configuration file; an unknown key is an error here also in a file of Atmos.

    :param searched: the file was found by walking up, and is not trusted anyway; that others may write it is then only
        a warning.
    """
    try:
        document = read_document(path, trusted=False)
        assembled = assemble(document, environ, searched=searched, realm=None)
    except ConfigError as error:
        return [as_problem(error, path)]
    found = [*assembled.problems, *doubts(assembled.config)]
    found += secrets_in_text(assembled.secrets, document.mode, path)
    complaint = writable_by_others(document)
    if complaint is not None:
        severity: Severity = "warning" if searched else "error"
        place = Place(path, 1, 1)
        found.append(
            Problem(
                place=place,
                severity=severity,
                message=f"{complaint[0]}; it can name programs to run",
                hint=complaint[1],
                code="config.writable",
                fatal=not searched,
            )
        )
    return in_order(found)
