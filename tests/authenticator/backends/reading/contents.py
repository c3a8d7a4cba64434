"""Files to read, valid and broken, and the processes that read them."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import strategies as st

A = "111122223333"
WORDS = st.sampled_from(
    ["", "ci", "ops", "true", "010", "~", "système", "a b", "{{SessionName}}", "{{Nope}}", "x - y", "0x1F", "ünï ✓", "\U0001f600"]
)  # fmt: skip
ARNS = st.one_of(
    st.builds(
        "arn:{}:iam::{}:{}/{}".format,
        st.sampled_from(["aws", "aws-cn"]),
        st.sampled_from([A, "444455556666"]),
        st.sampled_from(["role", "user", "role/team", "group", "instance-profile"]),
        st.sampled_from(["Admin", "admin", "Ops", "AWSReservedSSO_View_0123456789abcdef"]),
    ),
    st.sampled_from([f"arn:aws:sts::{A}:assumed-role/Admin/ann", f"arn:aws:iam::{A}:root", "nobody", " ", ""]),
)
GROUPS = st.one_of(st.lists(WORDS, max_size=3), WORDS, st.none(), st.integers())
SSO = st.fixed_dictionaries({"permissionSetName": st.sampled_from(["View", "Admin", "no such set!"]), "accountID": st.sampled_from([A, "1"])})  # fmt: skip
ROLES = st.fixed_dictionaries(
    {}, optional={"rolearn": ARNS, "sso": SSO, "username": WORDS, "groups": GROUPS, "userid": WORDS, "grops": WORDS}
)
USERS = st.fixed_dictionaries({"userarn": ARNS}, optional={"username": WORDS, "groups": GROUPS, "userid": WORDS})
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "mapRoles": st.one_of(st.lists(ROLES, max_size=4), WORDS),
        "mapUsers": st.one_of(st.lists(USERS, max_size=4), st.none()),
        "mapAccounts": st.lists(st.sampled_from([A, "12", "000000000000"]), max_size=3),
        "LastUpdatedDateTime": st.sampled_from(["1700000000", "soon"]),
    },
)
CONFIGS = st.builds(
    lambda server, sections, cluster: {"clusterID": cluster, "server": server | sections},
    st.fixed_dictionaries(
        {},
        optional={
            "port": st.sampled_from([21362, 0, "x"]),
            "stateDir": st.sampled_from(["/var/state", "a b"]),
            "backendMode": st.sampled_from(["File", ["MountedFile", "CRD"], "Nope"]),
            "scrubbedAccounts": st.lists(st.just(A), max_size=1),
            "reservedPrefixConfig": st.just([{"backendMode": "DynamicFile", "usernamePrefixReserveList": ["aws:"]}]),
            "stsEndpointOverrides": st.just({"sts.eu-west-1.amazonaws.com": "https://127.0.0.1:1"}),
            "unknown": WORDS,
        },
    ),
    SECTIONS,
    WORDS,
)
POLICIES = st.fixed_dictionaries(
    {
        "policyArn": st.sampled_from(
            [f"arn:aws:eks::aws:cluster-access-policy/{name}" for name in ("AmazonEKSViewPolicy", "AmazonEKSEditPolicy", "Nope")]
        ),
        "accessScope": st.sampled_from([{"type": "cluster"}, {"type": "namespace", "namespaces": ["a", "b-*"]}, {}]),
    }
)  # fmt: skip
ENTRIES = st.fixed_dictionaries(
    {"principalArn": ARNS},
    optional={
        "type": st.sampled_from(["STANDARD", "EC2_LINUX", "EC2", "Nope"]),
        "username": WORDS,
        "kubernetesGroups": st.lists(WORDS, max_size=2),
        "principalId": st.sampled_from(["AROAEXAMPLE", "x"]),
        "accessPolicies": st.lists(POLICIES, max_size=3),
    },
)
ENTRY_FILES = st.fixed_dictionaries({}, optional={"accessEntries": st.lists(ENTRIES, max_size=5), "other": WORDS})


def texts(values: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    """Return values as a file's text, some of it cut off or with a character too many."""
    whole = values.map(lambda value: json.dumps(value, indent=1, ensure_ascii=False))
    cut = st.builds(lambda text, share: text[: int(len(text) * share)], whole, st.floats(0, 1))
    spoilt = st.builds(lambda text, letter, at: text[: at % (len(text) + 1)] + letter + text[at % (len(text) + 1) :], whole, st.sampled_from("{[]},:\t&*!\x00\n"), st.integers(0))  # fmt: skip
    return st.one_of(whole, whole, cut, spoilt)


def many_entries(count: int, last: str = "last") -> str:
    """Return an access entry file with so many roles; ``last`` is the user name of the last, CICDRole."""
    found = [{"principalArn": f"arn:aws:iam::{A}:role/R{number}"} for number in range(count - 1)]
    return json.dumps({"accessEntries": [*found, {"principalArn": f"arn:aws:iam::{A}:role/CICDRole", "username": last}]}, indent=1)  # fmt: skip


def readers(parent: int | None = None) -> dict[int, int]:
    """Return the reading processes that a process (this one) has started: pid and resident memory in kB."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if b"reading.child" not in (directory / "cmdline").read_bytes():
                continue
            lines = dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if int(lines["PPid"]) == (parent or os.getpid()) and "Z" not in lines["State"]:
            found[int(directory.name)] = int(lines.get("VmRSS", "0 kB").split()[0])
    return found
