"""Reading access entries from YAML or JSON.

The fields are those that ``DescribeAccessEntry`` and ``ListAssociatedAccessPolicies`` answer with, so that what they
print can be used as it is. An entry that EKS would refuse is skipped and reported with its line; the others count.
"""

from __future__ import annotations

from difflib import get_close_matches

import yaml

from eksauth.authenticator.entries.model import AccessEntry, Association, Scope
from eksauth.authenticator.entries.policies import policy_table
from eksauth.authenticator.entries.types import RESERVED_PREFIXES, TYPES, TypeRules, default_username, spoofable
from eksauth.authenticator.mapping.model import Problem, Problems, Source
from eksauth.aws.arn import Arn, parse_arn
from eksauth.errors import ConfigError
from eksauth.yaml_source.nodes import YamlFile, is_null

MAX_ENTRIES = 100_000
_SECTION = "accessEntries"
_KNOWN = ("principalArn", "type", "username", "kubernetesGroups", "principalId", "accessPolicies")
_SYNONYMS = {"associatedAccessPolicies": "accessPolicies"}
_TOLD_BY_EKS = {"clusterName", "accessEntryArn", "createdAt", "modifiedAt", "tags", "associatedAt"}
_SAMPLE = "write arn:aws:iam::111122223333:role/NAME, with the role's path where it has one"


class EntryReader:
    """Reads the entries of one document; what is wrong goes to ``problems``.

    :param partition: of the cluster; entries of another can never match.
    """

    def __init__(self, file: YamlFile, problems: Problems, *, partition: str) -> None:
        self._file = file
        self._problems = problems
        self._partition = partition

    def read_file(self) -> tuple[AccessEntry, ...]:
        """Return the entries of a file with ``accessEntries``; an empty file has none.

        :raises ConfigError: when the document is not of that form.
        """
        root = self._file.root
        if root is None or is_null(root):
            return ()
        section: yaml.Node | None = None
        for key, node, value in self._file.pairs(root):
            if key == _SECTION:
                section = value
            else:
                self._warn(node, "entries.unknown_key", f"unknown key {key[:60]!r}", f"the list is called {_SECTION}")
        if section is None:
            raise self._file.error(root, f"there is no {_SECTION}", f"begin with '{_SECTION}:' and list the entries")
        return tuple(entry for node in self._file.items(section, _SECTION) if (entry := self.entry(node)) is not None)

    def entry(self, node: yaml.Node) -> AccessEntry | None:
        """Return one entry, or None when it was skipped."""
        try:
            return self._entry(node)
        except ConfigError as error:
            source = self._source(node)
            self._problems.add(Problem("entries.skipped", f"skipped: {error.message}", source, error.hint))
            return None

    def _entry(self, node: yaml.Node) -> AccessEntry:
        fields = self._fields(node, _KNOWN, "an access entry")
        if "principalArn" not in fields:
            raise self._file.error(node, "an access entry needs a principalArn", _SAMPLE)
        text = self._file.text(fields["principalArn"], "principalArn")
        arn, kind, name = self._principal(fields["principalArn"], text)
        type_name = self._text(fields, "type") or "STANDARD"
        rules = TYPES.get(type_name)
        if rules is None:
            near = get_close_matches(type_name.upper(), TYPES, 1)
            hint = f"did you mean {near[0]}" if near else f"one of {', '.join(TYPES)}"
            raise self._file.error(fields["type"], f"type {type_name[:40]!r} is not known here", hint)
        if type_name != "STANDARD" and kind != "role":
            raise self._file.error(fields["principalArn"], f"the principal of type {type_name} must be a role")
        principal_id = self._text(fields, "principalId") or None
        if principal_id is not None and not principal_id.startswith(("AROA", "AIDA")):
            raise self._file.error(fields["principalId"], "principalId must be a unique id such as AROA… or AIDA…")
        return AccessEntry(
            principal_arn=text,
            lookup_arn=f"arn:{arn.partition}:iam::{arn.account}:{kind}/{name}".lower(),
            type=type_name,  # type: ignore[arg-type]  # TYPES has exactly these keys
            username=self._username(fields, rules, type_name)
            or default_username(arn.partition, arn.account, kind, name, text),
            groups=self._groups(fields, rules, type_name),
            source=self._source(node),
            principal_id=principal_id,
            associations=self._associations(fields, rules, type_name),
        )

    def _principal(self, node: yaml.Node, text: str) -> tuple[Arn, str, str]:
        try:
            arn = parse_arn(text)
        except ValueError:
            raise self._file.error(node, f"{text[:80]!r} is not an ARN", _SAMPLE) from None
        kind, _, rest = arn.resource.partition("/")
        name = rest.rpartition("/")[2]
        if arn.service == "sts" and kind == "assumed-role":
            role = rest.partition("/")[0]
            hint = f"write the role's own ARN, arn:{arn.partition}:iam::{arn.account}:role/{role}, with its path"
            raise self._file.error(node, "the principal is a session, not a role", hint)
        if arn.service != "iam" or kind not in {"role", "user"} or not name:
            raise self._file.error(node, f"{text[:80]!r} is neither a role nor a user", _SAMPLE)
        if not (len(arn.account) == 12 and arn.account.isascii() and arn.account.isdigit()):
            raise self._file.error(node, "the account in the ARN is not 12 digits", _SAMPLE)
        if not text.isascii() or not text.isprintable() or " " in text or "*" in text:
            raise self._file.error(node, "the ARN has letters that no ARN of a principal has", "wildcards do not count")
        if arn.partition != self._partition:
            raise self._file.error(
                node, f"the principal is of partition {arn.partition}, the cluster of {self._partition}"
            )
        if rest.startswith("aws-service-role/"):
            raise self._file.error(node, "the principal is a service-linked role, which only AWS itself may use")
        # STS tells a role without its path, a user with it
        return arn, kind, name if kind == "role" else rest

    def _username(self, fields: dict[str, yaml.Node], rules: TypeRules, type_name: str) -> str:
        text = self._text(fields, "username")
        if not text:
            return rules.username or ""
        if rules.username is not None:
            if text == rules.username:  # DescribeAccessEntry prints it
                return text
            raise self._file.error(fields["username"], f"the user name of type {type_name} cannot be set")
        if text.startswith(RESERVED_PREFIXES):
            prefixes = ", ".join(RESERVED_PREFIXES)
            raise self._file.error(fields["username"], f"a user name may not begin with any of {prefixes}")
        if spoofable(text):
            raise self._file.error(
                fields["username"],
                "whoever names a session could choose this user name",
                "put something that ends in a colon before {{SessionName}}, such as team:{{SessionName}}",
            )
        return text

    def _groups(self, fields: dict[str, yaml.Node], rules: TypeRules, type_name: str) -> tuple[str, ...]:
        node = fields.get("kubernetesGroups")
        groups = []
        for item in self._file.items(node, "kubernetesGroups") if node is not None else ():
            group = self._file.text(item, "a group")
            if not group or group != group.strip():
                raise self._file.error(item, "a group is empty or has blanks around it")
            if type_name == "STANDARD" and group.startswith(RESERVED_PREFIXES):
                prefixes = ", ".join(RESERVED_PREFIXES)
                hint = "for administrators associate AmazonEKSClusterAdminPolicy instead of system:masters"
                raise self._file.error(item, f"group {group[:60]} begins with one of {prefixes}", hint)
            groups.append(group)
        if type_name != "STANDARD" and not set(groups) <= set(rules.groups):
            raise self._file.error(node or fields["type"], f"groups cannot be set on type {type_name}")
        return tuple(dict.fromkeys(groups)) if type_name == "STANDARD" else rules.groups

    def _associations(self, fields: dict[str, yaml.Node], rules: TypeRules, type_name: str) -> tuple[Association, ...]:
        node = fields.get("accessPolicies")
        found: dict[str, Association] = {}
        for item in self._file.items(node, "accessPolicies") if node is not None else ():
            if not rules.associable:
                raise self._file.error(item, f"access policies cannot be associated with type {type_name}")
            keys = self._fields(item, ("policyArn", "accessScope"), "an association")
            if "policyArn" not in keys:
                raise self._file.error(item, "an association needs a policyArn")
            arn = self._file.text(keys["policyArn"], "policyArn")
            try:
                policy = policy_table().find(arn)
            except ValueError as error:
                raise self._file.error(keys["policyArn"], f"{arn[:120]!r} {error}") from None
            if policy.audience == "service-linked roles":
                raise self._file.error(keys["policyArn"], f"{policy.name} is for service-linked roles only")
            if arn.split(":")[1] != self._partition:
                raise self._file.error(keys["policyArn"], "the policy is of another partition than the cluster")
            if policy.rules is None:
                self._warn(
                    item, "entries.unknown_policy", f"what {policy.name} grants is not known here: it grants nothing"
                )
            if arn in found:
                self._warn(
                    item, "entries.duplicate_policy", f"{policy.name} is associated twice; the last scope counts"
                )
            found[arn] = Association(arn, policy, self._scope(keys.get("accessScope"), item))
        return tuple(found.values())

    def _scope(self, node: yaml.Node | None, item: yaml.Node) -> Scope:
        if node is None or is_null(node):
            raise self._file.error(item, "an association needs an accessScope", "write accessScope: {type: cluster}")
        keys = self._fields(node, ("type", "namespaces"), "accessScope")
        kind = self._text(keys, "type")
        written = keys.get("namespaces")
        names = tuple(
            self._file.text(name, "a namespace")
            for name in (self._file.items(written, "namespaces") if written is not None else ())
        )
        if kind == "cluster" and not names:
            return Scope()
        if kind == "namespace" and names and all(_is_namespace_pattern(name) for name in names):
            return Scope(names)
        if kind == "cluster":
            raise self._file.error(node, "a cluster scope has no namespaces", "use type: namespace")
        if kind == "namespace":
            raise self._file.error(node, "a namespace scope needs names of namespaces; * may stand for a part")
        raise self._file.error(node, "the type of a scope is cluster or namespace")

    def _fields(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        repeated = self._file.repeated_key(node)
        if repeated is not None:
            raise self._file.error(repeated, f"{str(repeated.value)[:60]} is given twice", "keep one of them")
        found: dict[str, yaml.Node] = {}
        for key, key_node, value in self._file.pairs(node):
            proper = _SYNONYMS.get(key, key)
            if proper in known:
                found[proper] = value
            elif key not in _TOLD_BY_EKS:
                near = get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}" if near else f"{what} has {', '.join(known)}"
                raise self._file.error(key_node, f"unknown key {key[:60]!r} in {what}", hint)
        return found

    def _text(self, fields: dict[str, yaml.Node], key: str) -> str:
        return self._file.text(fields[key], key) if key in fields else ""

    def _source(self, node: yaml.Node) -> Source:
        return Source(self._file.name, self._file.line(node))

    def _warn(self, node: yaml.Node, code: str, message: str, hint: str | None = None) -> None:
        self._problems.add(Problem(code, message, self._source(node), hint))


def _is_namespace_pattern(name: str) -> bool:
    plain = name.replace("*", "a")
    return 0 < len(name) <= 63 and plain.isascii() and plain == plain.lower() and plain.replace("-", "").isalnum()
