"""A document made a configuration: every item read, every name resolved, every problem kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from eksauth.credentials.config import kinds, references
from eksauth.credentials.config.build_identity import build_identity, foreign_identity, with_duration_of
from eksauth.credentials.config.build_integration import build_guard, build_integration
from eksauth.credentials.config.build_provider import build_provider, foreign_provider
from eksauth.credentials.config.document import Document
from eksauth.credentials.config.model import AuthConfig, EksIntegration, Guard, Identity, Place, Provider
from eksauth.credentials.config.paths import expand
from eksauth.credentials.config.problems import Problem, in_order
from eksauth.credentials.config.provisioned import read_with_digest
from eksauth.credentials.config.reader import Reader
from eksauth.credentials.config.search import is_atmos
from eksauth.credentials.config.settings import effective_keyring, effective_realm
from eksauth.credentials.config.settings_keys import AUTH
from eksauth.credentials.config.shapes import Flag, Text
from eksauth.credentials.config.values import Values
from eksauth.spelling import nearest
from eksauth.yaml_source.nodes import YamlFile, is_null

_LONGEST_NAME = 256
_SHAPED = frozenset(("assume_role", "region", "duration", "account", "account.id"))
"""Keys of a principal whose values have a shape that no secret has."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A configuration as far as it could be read, and what is wrong with it, in the order of the text.

    :ivar variables: each variable that ``!env`` asked for, and the paths of the keys that did.
    :ivar secrets: path and place of each secret that the file spells out.
    """

    config: AuthConfig
    problems: tuple[Problem, ...]
    variables: Mapping[str, tuple[str, ...]]
    secrets: Mapping[str, Place]


def assemble(document: Document, environ: Mapping[str, str], *, searched: bool, realm: str | None) -> Assembled:
    """Read a whole configuration; with fatal problems the result may lack what they are about.

    :param realm: from the command line; empty for none, None when it was not given.
    :raises ConfigError: for text that is not YAML, aliases without end, and variables that make no sense.
    """
    file = YamlFile(document.text, document.path)
    reader = Reader(file, environ, strict=not is_atmos(document.path))
    return _Assembly(document, reader, environ).run(searched=searched, realm=realm)


class _Assembly:
    def __init__(self, document: Document, reader: Reader, environ: Mapping[str, str]) -> None:
        self._document = document
        self._reader = reader
        self._environ = environ

    def _expand(self, text: str | None) -> str | None:
        return expand(text, self._document.path, self._environ)

    def run(self, *, searched: bool, realm: str | None) -> Assembled:
        reader = self._reader
        auth = reader.section(node, AUTH, "") if (node := self._auth()) is not None else Values()
        providers = self._providers(auth.get("providers"))
        identities = self._identities(auth.get("identities"))
        effective, realm_from = effective_realm(
            self._environ, flag=realm, written=auth.get("realm"), place=str(self._mark("realm") or "")
        )
        files = self._add_provisioned(effective, providers, identities)
        marks = {path: reader.place(node) for path, node in reader.marks.items() if ".via." in path}
        identities = references.link(providers, identities, marks, reader.problems.append)
        identities = {
            name: with_duration_of(providers.get(item.via_provider or ""), item) for name, item in identities.items()
        }
        integrations, foreign = self._integrations(auth.get("integrations"), providers, identities, marks)
        config = AuthConfig(
            path=self._document.path,
            searched=searched,
            digest=self._document.digest,
            realm=effective,
            keyring=effective_keyring(self._environ, auth.get("keyring"), self._expand),
            console_isolated=self._isolated(auth),
            providers=providers,
            identities=identities,
            integrations=integrations,
            guards=self._guards(auth.get("guards")),
            inputs=reader.digests(),
            borrowing=_borrowing(identities, reader.used),
            files=files,
            realm_from=realm_from,
            foreign_integrations=foreign,
        )
        used = {name: tuple(dict.fromkeys(paths)) for name, paths in sorted(reader.used.items())}
        return Assembled(config, tuple(in_order(reader.problems)), used, reader.secrets)

    def _mark(self, path: str) -> Place | None:
        node = self._reader.marks.get(path)
        return None if node is None else self._reader.place(node)

    def _auth(self) -> yaml.Node | None:
        """Return the ``auth`` section; in eksauth's own file nothing else may stand next to it but ``x-…``."""
        root = self._reader.file.root
        if root is None or is_null(root):
            return None
        if not isinstance(root, yaml.MappingNode):
            self._reader.complain(root, "the file must be keys and values", hint="begin with auth:")
            return None
        if self._reader.strict:
            found = None
            for name, key, value in self._reader.pairs(root, "the file"):
                if name == "auth":
                    found = value
                elif not name.startswith("x-"):
                    self._beside_auth(key, name)
            return found
        # what else Atmos has in its file may be anything
        sections = [value for key, value in root.value if isinstance(key, yaml.ScalarNode) and key.value == "auth"]
        if len(sections) > 1:
            self._reader.complain(sections[-1], "the file has auth twice", hint="keep one of them")
        return sections[0] if sections else None

    def _beside_auth(self, key: yaml.Node, name: str) -> None:
        inside = AUTH.key(name) is not None or bool(nearest(name, [known.name for known in AUTH.keys], 1))
        hint = f"{name} belongs under auth:" if AUTH.key(name) else "everything belongs under auth:"
        if not inside and nearest(name, ["auth"], 1):
            hint = "did you mean auth"
        self._reader.complain(key, f"unknown key '{name[:60]}'", hint=hint, code="config.unknown_key")

    def _items(self, node: Any, section: str) -> Iterator[tuple[str, yaml.Node, Place]]:
        """Yield name, value and place of each item; names that differ only in case are one too many."""
        seen: dict[str, str] = {}
        for name, key, value in self._reader.pairs(node, section) if node is not None else ():
            wrong = _wrong_name(name)
            if wrong:
                self._reader.complain(key, f"{section}: a name {wrong}", code="config.name")
            elif (other := seen.get(name.casefold())) is not None:
                said = f"{section} has both {other} and {name}: names do not differ by case alone"
                self._reader.complain(key, said, hint="rename one of them", code="config.name")
            else:
                seen[name.casefold()] = name
                yield name, value, self._reader.place(key)

    def _kind(self, node: yaml.Node, where: str, ours: tuple[str, ...]) -> tuple[str | None, bool]:
        """Return the kind of an item, None when it has none that makes sense, and whether it is foreign."""
        reader = self._reader
        found = None
        for name, _, value in reader.pairs(node, where):
            if name == "kind" or (not reader.strict and name.lower() == "kind"):
                found = value
        kind = reader.scalar(found, Text(), f"{where}.kind") if found is not None else None
        if kind is None:
            if isinstance(node, yaml.MappingNode) and (
                found is None or (isinstance(found, yaml.ScalarNode) and not found.value)
            ):
                hint = f"kind: {', '.join(ours)}"
                reader.complain(found or node, f"{where}.kind is missing", hint=hint, code="config.missing")
            elif is_null(node):
                reader.complain(node, f"{where} is empty", hint=f"kind: {', '.join(ours)}", code="config.missing")
            return None, False
        if kind in ours:
            return kind, False
        if not kinds.is_foreign(kind):
            near = reader.near(kind, ours)
            hint = f"did you mean {near[0]}" if near else f"kinds: {', '.join(ours)}"
            said = f"{where}.kind: there is no kind '{kind[:60]}'"
            reader.complain(found or node, said, hint=hint, code="config.kind", fatal=reader.strict)
        return kind, True

    def _providers(self, node: Any) -> dict[str, Provider]:
        found = {}
        for name, value, place in self._items(node, "providers"):
            kind, foreign = self._kind(value, f"providers.{name}", kinds.PROVIDER_KINDS)
            if kind is not None and foreign:
                found[name] = foreign_provider(name, kind, place)
            elif kind is not None:
                found[name] = build_provider(self._reader, name, kind, value, place, self._expand)
        return found

    def _identities(self, node: Any) -> dict[str, Identity]:
        found = {}
        for name, value, place in self._items(node, "identities"):
            kind, foreign = self._kind(value, f"identities.{name}", tuple(kinds.IDENTITY_KINDS))
            if kind is not None and foreign:
                found[name] = foreign_identity(name, kind, place, default=self._says_default(value, name))
            elif kind is not None:
                found[name] = build_identity(self._reader, name, kind, value, place, self._expand)
        return found

    def _says_default(self, node: yaml.Node, name: str) -> bool:
        for key, _, value in self._reader.pairs(node, f"identities.{name}"):
            if key == "default":
                return bool(self._reader.scalar(value, Flag(), f"identities.{name}.default"))
        return False

    def _add_provisioned(
        self, realm: str, providers: Mapping[str, Provider], identities: dict[str, Identity]
    ) -> tuple[tuple[str, str], ...]:
        """Add what signing in found; the file wins. Return what was looked for."""
        files = []
        known = {name.casefold() for name in identities}
        for provider in providers.values():
            if not provider.auto_provision_identities:
                continue
            path, digest, found = read_with_digest(self._environ, realm, provider)
            files.append((path, digest))
            for item in found:
                name = item.name if item.name.casefold() not in known else f"{provider.name}/{item.name}"
                if name.casefold() not in known and item.name not in identities:
                    known.add(name.casefold())
                    identities[name] = replace(item, name=name)
        return tuple(files)

    def _integrations(
        self,
        node: Any,
        providers: Mapping[str, Provider],
        identities: Mapping[str, Identity],
        marks: Mapping[str, Place],
    ) -> tuple[dict[str, EksIntegration], dict[str, str]]:
        found: dict[str, EksIntegration] = {}
        foreign: dict[str, str] = {}
        for name, value, place in self._items(node, "integrations"):
            before = len(self._reader.problems)
            item = self._integration(name, value, place, foreign)
            if item is not None:
                all_marks = self._via_marks(marks)
                linked = references.link_integrations(
                    {name: item}, providers, identities, all_marks, self._reader.problems.append
                )
                if self._is_usable(before):
                    found.update(linked)
            self._is_usable(before)
        return found, foreign

    def _via_marks(self, marks: Mapping[str, Place]) -> dict[str, Place]:
        own = {
            path: self._reader.place(node)
            for path, node in self._reader.marks.items()
            if path.startswith("integrations.") and (".via." in path or path.endswith(".describe_as"))
        }
        return {**marks, **own}

    def _integration(self, name: str, node: yaml.Node, place: Place, foreign: dict[str, str]) -> EksIntegration | None:
        kind, is_foreign = self._kind(node, f"integrations.{name}", (kinds.INTEGRATION_KIND,))
        if kind is not None and is_foreign:
            foreign[name] = kind
        if kind is None or is_foreign:
            return None
        return build_integration(self._reader, name, node, place, self._expand)

    def _is_usable(self, before: int) -> bool:
        """Tell whether nothing fatal was said since ``before``.

        A broken integration in a file of Atmos, which does not check them either, must not keep anybody from a token:
        what is fatal there is only an error.
        """
        problems = self._reader.problems
        usable = not any(problem.fatal for problem in problems[before:])
        if not self._reader.strict:
            problems[before:] = [replace(problem, fatal=False) for problem in problems[before:]]
        return usable

    def _guards(self, node: Any) -> tuple[Guard, ...]:
        return tuple(
            build_guard(self._reader, name, value, place) for name, value, place in self._items(node, "guards")
        )

    def _isolated(self, auth: Values) -> bool:
        found = auth.at("console", "isolated")
        return bool(auth.at("console", "isolated_sessions") if found is None else found)


def _wrong_name(name: str) -> str | None:
    if not name or name != name.strip():
        return "must not be empty or begin or end with a blank"
    if len(name) > _LONGEST_NAME:
        return f"must have at most {_LONGEST_NAME} characters"
    if not name.isprintable():
        return "must not have control characters"
    return None


def _borrowing(identities: Mapping[str, Identity], used: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return the identities whose principal has a value of a variable in a key that takes any text."""
    paths = [path for found in used.values() for path in found]
    return frozenset(
        name
        for name in identities
        for path in paths
        if path.startswith(before := f"identities.{name}.principal.") and path.removeprefix(before) not in _SHAPED
    )
