"""Role-based access control as kube-apiserver decides it, as a pure function of the request and the stored roles.

Rules: https://kubernetes.io/docs/reference/access-authn-authz/rbac/ and the behaviour of kube-apiserver's RBAC
authorizer: permissions only add up, a cluster role binding counts everywhere, a role binding counts in its own
namespace, and members of ``system:masters`` are let through before any role is read.
Nothing here reads a clock, the environment or the network; objects come in through :mod:`eksauth.kube.rbac_manifest`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from eksauth.kube.text import quoted

RBAC_GROUP = "rbac.authorization.k8s.io"
SUPERUSERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: the user name, uid, groups and extras that authentication ended with."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked: a verb on a resource, or, when ``path`` is set, on a path that is no resource.

    ``namespace`` is empty at the cluster scope; ``name`` is empty for requests on a whole collection.
    """

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str | None = None

    @property
    def full_resource(self) -> str:
        """Return the resource with its subresource as rules write it, such as ``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy rule of a role: every field is a list of alternatives, and ``*`` stands for all."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = ()

    def allows(self, request: Attributes) -> bool:
        """Tell whether this rule alone permits the request."""
        if not _any_of(self.verbs, request.verb):
            return False
        if request.path is not None:
            return any(url_covers(pattern, request.path) for pattern in self.non_resource_urls)
        return (
            _any_of(self.api_groups, request.group)
            and self._names_resource(request)
            and (not self.resource_names or request.name in self.resource_names)
        )

    def _names_resource(self, request: Attributes) -> bool:
        if _any_of(self.resources, request.full_resource):
            return True
        return bool(request.subresource) and f"*/{request.subresource}" in self.resources


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject of a binding; ``kind`` is ``User``, ``Group`` or ``ServiceAccount``."""

    kind: str
    name: str
    namespace: str = ""

    def matches(self, user: User, binding_namespace: str) -> bool:
        """Tell whether the user is meant; a service account without a namespace is taken in the binding's own."""
        if self.kind == "User":
            return user.name == self.name
        if self.kind == "Group":
            return self.name in user.groups
        if self.kind == "ServiceAccount":
            namespace = self.namespace or binding_namespace
            return bool(namespace) and user.name == f"{SERVICE_ACCOUNT_PREFIX}{namespace}:{self.name}"
        return False

    def describe(self, binding_namespace: str) -> str:
        """Return the subject as decisions name it."""
        if self.kind == "ServiceAccount":
            return f"{self.kind} {quoted(f'{self.name}/{self.namespace or binding_namespace}')}"
        return f"{self.kind} {quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Binding:
    """A role binding (``namespace`` set) or a cluster role binding (``namespace`` empty)."""

    name: str
    role_kind: str
    role_name: str
    subjects: tuple[Subject, ...]
    namespace: str = ""

    def subject_for(self, user: User) -> Subject | None:
        """Return the first subject that means the user."""
        return next((subject for subject in self.subjects if subject.matches(user, self.namespace)), None)

    def describe(self, subject: Subject) -> str:
        """Return which binding gives which role to whom, as kube-apiserver words it."""
        kind = "RoleBinding" if self.namespace else "ClusterRoleBinding"
        name = f"{self.name}/{self.namespace}" if self.namespace else self.name
        return (
            f"{kind} {quoted(name)} of {self.role_kind} {quoted(self.role_name)} to {subject.describe(self.namespace)}"
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Every role and binding of a cluster.

    ``roles`` are keyed by (namespace, name), with an empty namespace for cluster roles; the rules of aggregated cluster
    roles are already filled in. Bindings are tried in the order given, which decides only the wording of the reason.
    """

    roles: Mapping[tuple[str, str], tuple[Rule, ...]]
    cluster_bindings: tuple[Binding, ...] = ()
    bindings: Mapping[str, tuple[Binding, ...]] = field(default_factory=dict)

    def rules_of(self, kind: str, name: str, namespace: str) -> tuple[Rule, ...]:
        """Return the rules behind a role reference made in ``namespace``.

        :raises LookupError: when there is no such role, worded as kube-apiserver does.
        """
        if kind == "ClusterRole":
            rules = self.roles.get(("", name))
            plural = "clusterrole"
        elif kind == "Role":
            rules = self.roles.get((namespace, name)) if namespace else None
            plural = "role"
        else:
            raise LookupError(f"unsupported role reference kind: {quoted(kind)}")
        if rules is None:
            raise LookupError(f"{plural}.{RBAC_GROUP} {quoted(name)} not found")
        return rules


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer: ``reason`` is kube-apiserver's own wording; ``binding`` and ``rule`` are what granted it."""

    allowed: bool
    reason: str = ""
    binding: Binding | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What bindings give a user: rules in the order found, and what could not be resolved."""

    rules: tuple[Rule, ...]
    errors: tuple[str, ...] = ()


def evaluate(request: Attributes, policy: Policy) -> Decision:
    """Decide one request; superusers are allowed without a reason, as kube-apiserver reports them."""
    if SUPERUSERS in request.user.groups:
        return Decision(allowed=True)
    errors = []
    for binding, subject in _bindings_for(request.user, request.namespace, policy):
        try:
            rules = policy.rules_of(binding.role_kind, binding.role_name, binding.namespace)
        except LookupError as error:
            errors.append(str(error))
            continue
        for rule in rules:
            if rule.allows(request):
                return Decision(
                    allowed=True, reason=f"RBAC: allowed by {binding.describe(subject)}", binding=binding, rule=rule
                )
    return Decision(allowed=False, reason=f"RBAC: {aggregate(errors)}" if errors else "")


def rules_for(user: User, namespace: str, policy: Policy) -> Granted:
    """Collect every rule that applies to the user in the namespace (empty: at the cluster scope)."""
    rules: list[Rule] = []
    errors: list[str] = []
    for binding, _subject in _bindings_for(user, namespace, policy):
        try:
            rules += policy.rules_of(binding.role_kind, binding.role_name, binding.namespace)
        except LookupError as error:
            errors.append(str(error))
    return Granted(tuple(rules), tuple(errors))


def aggregate(errors: Iterable[str]) -> str:
    """Join error texts as Go's error aggregate does: one stands alone, several stand in brackets without repeats."""
    unique = list(dict.fromkeys(errors))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"


def url_covers(pattern: str, path: str) -> bool:
    """Tell whether a non-resource URL pattern covers a path; only a trailing ``*`` is a wildcard."""
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _bindings_for(user: User, namespace: str, policy: Policy) -> Iterator[tuple[Binding, Subject]]:
    local = policy.bindings.get(namespace, ()) if namespace else ()
    for binding in (*policy.cluster_bindings, *local):
        subject = binding.subject_for(user)
        if subject is not None:
            yield binding, subject


def _any_of(alternatives: tuple[str, ...], wanted: str) -> bool:
    return "*" in alternatives or wanted in alternatives
