"""The resource types served: one row each, and everything that differs between them as data."""

from __future__ import annotations

from dataclasses import dataclass

from lightkube.models import core_v1, rbac_v1

from eksauth.kube.rbac import RBAC_GROUP

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_NAMESPACE_VERBS = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource type; all are served in version ``v1`` of their group (empty: the core group)."""

    plural: str
    kind: str
    model: type
    namespaced: bool
    group: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    field_labels: tuple[str, ...] = ()
    name_rule: str = "subdomain"

    @property
    def api_version(self) -> str:
        """Return the ``apiVersion`` of its objects."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def singular(self) -> str:
        """Return the name of one, as kubectl may be told it."""
        return self.kind.lower()


RESOURCES: tuple[Resource, ...] = (
    Resource("configmaps", "ConfigMap", core_v1.ConfigMap, namespaced=True, short_names=("cm",)),
    Resource(
        "events",
        "Event",
        core_v1.Event,
        namespaced=True,
        short_names=("ev",),
        field_labels=(
            "involvedObject.apiVersion",
            "involvedObject.fieldPath",
            "involvedObject.kind",
            "involvedObject.name",
            "involvedObject.namespace",
            "involvedObject.resourceVersion",
            "involvedObject.uid",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ),
    ),
    Resource(
        "namespaces",
        "Namespace",
        core_v1.Namespace,
        namespaced=False,
        short_names=("ns",),
        verbs=_NAMESPACE_VERBS,
        subresources=("finalize", "status"),
        field_labels=("status.phase", "name"),
        name_rule="label",
    ),
    Resource(
        "nodes",
        "Node",
        core_v1.Node,
        namespaced=False,
        short_names=("no",),
        subresources=("status",),
        field_labels=("spec.unschedulable",),
    ),
    Resource(
        "pods",
        "Pod",
        core_v1.Pod,
        namespaced=True,
        short_names=("po",),
        categories=("all",),
        subresources=("status",),
        field_labels=(
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ),
    ),
    Resource("secrets", "Secret", core_v1.Secret, namespaced=True, field_labels=("type",)),
    Resource("serviceaccounts", "ServiceAccount", core_v1.ServiceAccount, namespaced=True, short_names=("sa",)),
    Resource(
        "clusterrolebindings",
        "ClusterRoleBinding",
        rbac_v1.ClusterRoleBinding,
        namespaced=False,
        group=RBAC_GROUP,
        name_rule="path",
    ),
    Resource("clusterroles", "ClusterRole", rbac_v1.ClusterRole, namespaced=False, group=RBAC_GROUP, name_rule="path"),
    Resource("rolebindings", "RoleBinding", rbac_v1.RoleBinding, namespaced=True, group=RBAC_GROUP, name_rule="path"),
    Resource("roles", "Role", rbac_v1.Role, namespaced=True, group=RBAC_GROUP, name_rule="path"),
)

BY_NAME = {(resource.group, resource.plural): resource for resource in RESOURCES}

NAMESPACES = BY_NAME["", "namespaces"]
SERVICE_ACCOUNTS = BY_NAME["", "serviceaccounts"]
ROLES = BY_NAME[RBAC_GROUP, "roles"]
ROLE_BINDINGS = BY_NAME[RBAC_GROUP, "rolebindings"]
CLUSTER_ROLES = BY_NAME[RBAC_GROUP, "clusterroles"]
CLUSTER_ROLE_BINDINGS = BY_NAME[RBAC_GROUP, "clusterrolebindings"]

AUTHENTICATION_GROUP = "authentication.k8s.io"
AUTHORIZATION_GROUP = "authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Review:
    """A question that is asked by creating an object and never stored."""

    group: str
    plural: str
    kind: str
    versions: tuple[str, ...] = ("v1",)
    namespaced: bool = False


REVIEWS: tuple[Review, ...] = (
    Review(AUTHENTICATION_GROUP, "selfsubjectreviews", "SelfSubjectReview", ("v1", "v1beta1")),
    Review(AUTHENTICATION_GROUP, "tokenreviews", "TokenReview"),
    Review(AUTHORIZATION_GROUP, "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    Review(AUTHORIZATION_GROUP, "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    Review(AUTHORIZATION_GROUP, "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    Review(AUTHORIZATION_GROUP, "subjectaccessreviews", "SubjectAccessReview"),
)

REVIEW_BY_NAME = {(review.group, review.plural): review for review in REVIEWS}

GROUPS: dict[str, tuple[str, ...]] = {
    AUTHENTICATION_GROUP: ("v1", "v1beta1"),
    AUTHORIZATION_GROUP: ("v1",),
    RBAC_GROUP: ("v1",),
}
"""The named API groups and their versions, the preferred one first."""
