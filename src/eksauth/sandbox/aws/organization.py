"""Which account manages which: what AssumeRoot needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Organization:
    """An organization with central root access.

    :param management: its management account; empty without an organization.
    :param delegated: accounts that may manage root access on its behalf.
    :param root_sessions: whether privileged root actions in member accounts are switched on.
    """

    management: str = ""
    members: set[str] = field(default_factory=set)
    delegated: set[str] = field(default_factory=set)
    root_sessions: bool = True

    def may_be_root_of(self, account: str, target: str) -> bool:
        """Tell whether principals of ``account`` may be given root tasks in ``target``, policies aside."""
        return self.root_sessions and account in {self.management, *self.delegated} and target in self.members
