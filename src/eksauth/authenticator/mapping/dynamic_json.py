"""The JSON of ``DynamicFile``: ``mapRoles``, ``mapUsers`` and ``mapAccounts``, all of it or nothing.

As in the reference an entry without its key refuses the whole file, so that half an update never takes effect. Line
numbers are kept for messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from eksauth.authenticator.mapping.model import AccountMapping, Mappings, RoleMapping, Source, UserMapping
from eksauth.errors import ConfigError

_HINT = 'write {"mapRoles": [{"rolearn": …, "username": …, "groups": […], "userid": …}], "mapUsers": […]}'


@dataclass(frozen=True, slots=True)
class DynamicMappings:
    """One content of the file; ``updated_at`` is its LastUpdatedDateTime in epoch seconds, None without one."""

    mappings: Mappings
    version: str = ""
    updated_at: float | None = None


class _Entry(msgspec.Struct):
    username: str = ""
    groups: list[str] | None = None
    rolearn: str = ""
    userarn: str = ""
    userid: str = ""


_D = TypeVar("_D")
_RAW_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw] | None)
_TEXTS = msgspec.json.Decoder(list[str] | None)
_TEXT = msgspec.json.Decoder(str | None)


def parse_dynamic(raw: bytes, name: str, *, strict: bool) -> DynamicMappings:
    """Read the content of the file.

    :param name: begins every error.
    :param strict: entries are known by ``userid`` instead of by their ARN.
    :raises ConfigError: when any of it cannot be used.
    """
    return _Reader(raw, name, strict=strict).read()


class _Reader:
    def __init__(self, raw: bytes, name: str, *, strict: bool) -> None:
        self._raw = raw
        self._name = name
        self._strict = strict
        self._line, self._counted = 1, 0

    def read(self) -> DynamicMappings:
        sections = {key.lower(): value for key, value in self._decode(_RAW_OBJECT, self._raw, "the file").items()}
        roles = tuple(
            RoleMapping(entry.rolearn or None, None, entry.username, tuple(entry.groups or ()), source, entry.userid)
            for entry, source in self._entries(sections, "mapRoles", "rolearn")
        )
        users = tuple(
            UserMapping(entry.userarn, entry.username, tuple(entry.groups or ()), source, entry.userid)
            for entry, source in self._entries(sections, "mapUsers", "userarn")
        )
        accounts_raw = sections.get("mapaccounts")
        accounts = self._decode(_TEXTS, accounts_raw, "mapAccounts") if accounts_raw is not None else None
        source = self._source(accounts_raw) if accounts_raw is not None else Source(self._name, 1)
        return DynamicMappings(
            Mappings(roles, users, tuple(AccountMapping(account, source) for account in accounts or ())),
            self._text(sections, "version"),
            self._moment(self._text(sections, "lastupdateddatetime")),
        )

    def _entries(
        self, sections: Mapping[str, msgspec.Raw], section: str, arn_key: str
    ) -> Iterator[tuple[_Entry, Source]]:
        raw = sections.get(section.lower())
        for item in self._decode(_RAW_LIST, raw, section) or () if raw is not None else ():
            source = self._source(item)
            fields = self._decode(_RAW_OBJECT, item, f"an entry of {section}", source)
            known = {key.lower(): value for key, value in fields.items() if key.lower() in _Entry.__struct_fields__}
            values: dict[str, object] = {}
            for key, value in known.items():
                what = f"{key} of an entry of {section}"
                if key == "groups":
                    values[key] = self._decode(_TEXTS, value, what, source)
                else:
                    values[key] = self._decode(_TEXT, value, what, source)
            entry = msgspec.convert({key: value for key, value in values.items() if value is not None}, _Entry)
            needed = "userid" if self._strict else arn_key
            if not getattr(entry, needed):
                raise ConfigError(
                    f"{source}: an entry of {section} has no {needed}; the whole file is refused",
                    hint=_HINT,
                    code="config.dynamic_file",
                )
            yield entry, source

    def _text(self, sections: Mapping[str, msgspec.Raw], key: str) -> str:
        raw = sections.get(key)
        return self._decode(_TEXT, raw, key) or "" if raw is not None else ""

    def _moment(self, text: str) -> float | None:
        return float(text) if text.isascii() and text.isdigit() and len(text) < 15 else None

    def _source(self, part: msgspec.Raw) -> Source:
        """Return where a part of the file stands; parts are asked for in the order of the file, mostly."""
        place = self._raw.find(bytes(part), self._counted)
        if place >= 0:
            self._line += self._raw.count(b"\n", self._counted, place)
            self._counted = place
        return Source(self._name, self._line)

    def _decode(
        self, decoder: msgspec.json.Decoder[_D], raw: bytes | msgspec.Raw, what: str, source: Source | None = None
    ) -> _D:
        try:
            return decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ConfigError(
                f"{source or self._name}: {what} is not as it must be: {text[:1].lower()}{text[1:]}",
                hint=_HINT,
                code="config.dynamic_file",
            ) from None
