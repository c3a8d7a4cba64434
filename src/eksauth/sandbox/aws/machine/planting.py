"""The roles of the machine of a new sandbox.

=================  =======================================================================================
``PodRole``        trusts EKS Pod Identity; what container credentials are for
``NodeRole``       trusts EC2; what the instance metadata service hands out
=================  =======================================================================================
"""

from __future__ import annotations

from eksauth.sandbox.aws.federation.planting import make_role
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.machine.api import CONTAINER_PATH
from eksauth.sandbox.aws.machine.seeded import SeededMachine
from eksauth.sandbox.aws.machine.state import Machine


def plant_machine(machine: Machine, store: IamStore, account: str) -> SeededMachine:
    """Make the roles of pod and node, and give them to the machine."""
    pod = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    node = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    machine.pod_role_arn = make_role(store, account, "PodRole", pod)
    machine.node_role_arn = make_role(store, account, "NodeRole", node)
    machine.pod_tags = (
        ("eks-cluster-name", "demo"),
        ("kubernetes-namespace", "default"),
        ("kubernetes-service-account", "app"),
    )
    return SeededMachine(
        container_path=CONTAINER_PATH,
        container_token=machine.container_token,
        pod_role_arn=machine.pod_role_arn,
        node_role_arn=machine.node_role_arn,
    )
