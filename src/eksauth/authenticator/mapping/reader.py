"""Reading ``mapRoles``, ``mapUsers`` and ``mapAccounts`` entries from YAML.

Entry keys are matched without regard to case, account ids stay the text that was written. What the reference loads in a
dangerous shape (no user name, a text where a list of groups belongs, groups fused by a blank) loads here in the same
shape, and is reported with its line.
"""

from __future__ import annotations

from difflib import get_close_matches

import yaml

from eksauth.authenticator.mapping.arn_lint import lint_arn
from eksauth.authenticator.mapping.model import (
    AccountMapping,
    PermissionSet,
    Problem,
    Problems,
    RoleMapping,
    Source,
    UserMapping,
)
from eksauth.authenticator.mapping.sso import check_permission_set
from eksauth.authenticator.mapping.templates import NAMES
from eksauth.aws.arn import canonical_principal
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, config_text, is_null, is_unquoted_template, string_or_none

_QUOTE = "quote values that begin with {{"
_SHAPE = "write one rolearn (or sso) or userarn, a username and a list of groups per entry"
_ROLE_KEYS = ("rolearn", "sso", "username", "groups", "userid")
_USER_KEYS = ("userarn", "username", "groups", "userid")
_SSO_KEYS = ("permissionsetname", "accountid", "partition")


class EntryReader:
    """Reads entries of one file.

    :param strict: an entry that can never be used is an error (a mounted file) instead of being dropped and reported
        (the ``aws-auth`` ConfigMap).
    """

    def __init__(self, file: YamlFile, problems: Problems, *, strict: bool) -> None:
        self._file = file
        self._problems = problems
        self._strict = strict
        self._as_text = config_text if strict else string_or_none

    def roles(self, section: yaml.Node) -> tuple[RoleMapping, ...]:
        """Return the entries of ``mapRoles``; raises ConfigError."""
        found = []
        for node in self._file.items(section, "mapRoles"):
            try:
                found.append(self._role(node))
            except ConfigError as error:
                self._drop(node, error)
        return tuple(found)

    def users(self, section: yaml.Node) -> tuple[UserMapping, ...]:
        """Return the entries of ``mapUsers``; raises ConfigError."""
        found = []
        for node in self._file.items(section, "mapUsers"):
            try:
                found.append(self._user(node))
            except ConfigError as error:
                self._drop(node, error)
        return tuple(found)

    def accounts(self, section: yaml.Node) -> tuple[AccountMapping, ...]:
        """Return the entries of ``mapAccounts``; raises ConfigError."""
        found = []
        if self._is_listed_text(section):
            return tuple(
                AccountMapping(part, self._source(section))
                for part in self._split(section, "mapAccounts", "mapping.accounts_not_list")
            )
        for node in self._file.items(section, "mapAccounts"):
            try:
                account_id = self._file.text(node, "an account of mapAccounts")
            except ConfigError as error:
                self._drop(node, error)
                continue
            if not (len(account_id) == 12 and account_id.isascii() and account_id.isdigit()):
                self._report(node, "mapping.bad_account", f"{account_id!r} is not a 12-digit account id")
            found.append(AccountMapping(account_id, self._source(node)))
        return tuple(found)

    def _role(self, node: yaml.Node) -> RoleMapping:
        fields = self._fields(node, _ROLE_KEYS, "mapRoles")
        arn_node, sso_node = fields.get("rolearn"), fields.get("sso")
        arn = self._arn(arn_node, "rolearn") if arn_node is not None else None
        sso = self._permission_set(sso_node) if sso_node is not None and not is_null(sso_node) else None
        if (not arn) == (sso is None):
            raise self._file.error(
                node, "a mapRoles entry needs either rolearn or sso", _typo_hint(fields, "rolearn") or _SHAPE
            )
        return RoleMapping(
            arn=arn or None,
            sso=sso,
            username=self._username(node, fields),
            groups=self._groups(node, fields),
            source=self._source(node),
            user_id=self._user_id(fields),
        )

    def _user(self, node: yaml.Node) -> UserMapping:
        fields = self._fields(node, _USER_KEYS, "mapUsers")
        arn_node = fields.get("userarn")
        arn = self._arn(arn_node, "userarn") if arn_node is not None else ""
        if not arn:
            raise self._file.error(node, "a mapUsers entry needs userarn", _typo_hint(fields, "userarn") or _SHAPE)
        return UserMapping(
            arn=arn,
            username=self._username(node, fields),
            groups=self._groups(node, fields),
            source=self._source(node),
            user_id=self._user_id(fields),
        )

    def _arn(self, node: yaml.Node, key: str) -> str:
        arn = self._file.text(node, key)
        if self._strict and arn:
            try:
                canonical_principal(arn)
            except ValueError as error:
                hint = "write it as arn:aws:iam::111122223333:role/NAME (or user/NAME), without blanks around it"
                raise self._file.error(node, f"{key} {arn!r} names no IAM principal: {error}", hint) from None
        found = lint_arn(arn, canonicalised=self._strict)
        if found:
            self._report(node, *found)
        return arn

    def _permission_set(self, node: yaml.Node) -> PermissionSet:
        fields = self._fields(node, _SSO_KEYS, "sso")
        name, account_id, partition = (self._file.text(fields[key], key) if key in fields else "" for key in _SSO_KEYS)
        permission_set = PermissionSet(name, account_id, partition or "aws")
        problem = check_permission_set(permission_set)
        if problem:
            raise self._file.error(node, *problem)
        return permission_set

    def _username(self, node: yaml.Node, fields: dict[str, yaml.Node]) -> str:
        value = fields.get("username")
        username = self._as_text(value) if value is not None else None
        if not username:
            written = "is missing or empty" if value is None or is_null(value) or username == "" else "is not a text"
            self._report(
                node if value is None else value,
                "mapping.empty_username",
                f"username {written}; nobody can log in through this entry",
                "quote a user name that looks like a number or a truth value",
            )
            return ""
        self._check_templates(value or node, username)
        return username

    def _groups(self, node: yaml.Node, fields: dict[str, yaml.Node]) -> tuple[str, ...]:
        value = fields.get("groups")
        if value is None or is_null(value):
            self._report(node, "mapping.no_groups", "the entry has no groups", _typo_hint(fields, "groups"))
            return ()
        if self._is_listed_text(value):
            parts = self._split(value, "groups", "mapping.groups_not_list")
            for part in parts:
                self._check_templates(value, part)
            return tuple(parts)
        if not isinstance(value, yaml.SequenceNode):
            self._report(
                value,
                "mapping.groups_not_list",
                "groups is not a list; the entry gives no groups",
                "write each group as '- name'",
            )
            return ()
        groups = []
        for item in self._file.items(value, "groups"):
            group = self._as_text(item)
            if not group:
                self._report(item, "mapping.bad_group", "a group is not a text and counts for nothing", "quote it")
                continue
            if " - " in group or "\n" in group:
                self._report(
                    item, "mapping.glued_groups", f"{group!r} is one group, not several", "align the dashes of the list"
                )
            self._check_templates(item, group)
            groups.append(group)
        return tuple(groups)

    def _is_listed_text(self, node: yaml.Node) -> bool:
        """Tell whether a mounted file has a text where a list belongs; the reference splits it at its commas."""
        return self._strict and isinstance(node, yaml.ScalarNode) and not is_null(node)

    def _split(self, node: yaml.Node, what: str, code: str) -> list[str]:
        parts = self._file.text(node, what).split(",")
        self._report(
            node,
            code,
            f"{what} is not a list; it is split at commas, blanks stay",
            "write each item as '- name'",
        )
        return [part for part in parts if part]

    def _user_id(self, fields: dict[str, yaml.Node]) -> str | None:
        return self._file.text(fields["userid"], "userid") or None if "userid" in fields else None

    def _check_templates(self, node: yaml.Node, text: str) -> None:
        for piece in text.split("{{")[1:]:
            name, closed, _ = piece.partition("}}")
            if closed and name not in NAMES:
                near = get_close_matches(name.strip(), NAMES, 1, 0.5)
                hint = f"did you mean {{{{{near[0]}}}}}" if near else f"one of {', '.join(NAMES)}"
                self._report(node, "mapping.unknown_template", f"{{{{{name[:40]}}}}} stays in the name as it is", hint)

    def _fields(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._file.error(node, f"an entry of {what} must have keys and values", _SHAPE)
        fields: dict[str, yaml.Node] = {}
        own, seen = {id(key) for key, _ in node.value}, set[str]()
        for key, key_node, value in self._file.pairs(node):
            lowered = key.lower() if key.isascii() else key
            if self._strict and lowered in seen:
                raise self._file.error(key_node, f"{key[:60]} is given twice", "keep one of them")
            if id(key_node) in own:
                seen.add(lowered)
            if lowered not in known:
                near = get_close_matches(lowered, known, 1)
                self._report(
                    key_node,
                    "mapping.unknown_key",
                    f"unknown key {key[:60]!r} in an entry of {what}",
                    f"did you mean {near[0]}" if near else None,
                )
            self._refuse_unquoted_template(value)
            fields[lowered] = value
        return fields

    def _refuse_unquoted_template(self, node: yaml.Node) -> None:
        """Go's YAML parser fails on such a value, and with it the whole section."""
        items = self._file.items(node, "a value") if isinstance(node, yaml.SequenceNode) else ()
        for value in (node, *items):
            if is_unquoted_template(value):
                error = self._file.error(value, "not valid YAML: {{ begins a mapping here", _QUOTE)
                error.code = "config.yaml"
                raise error

    def _drop(self, node: yaml.Node, error: ConfigError) -> None:
        if self._strict or error.code == "config.yaml":
            raise error
        _, _, message = error.message.partition(": ")
        self._report(node, "mapping.entry_dropped", f"the entry is dropped: {message}", error.hint)

    def _report(self, node: yaml.Node, code: str, message: str, hint: str | None = None) -> None:
        self._problems.add(Problem(code, message, self._source(node), hint))

    def _source(self, node: yaml.Node) -> Source:
        return Source(self._file.name, self._file.line(node))


def _typo_hint(fields: dict[str, yaml.Node], wanted: str) -> str | None:
    near = get_close_matches(wanted, [key for key in fields if key != wanted], 1)
    return f"{near[0]!r} should be {wanted}" if near else None
