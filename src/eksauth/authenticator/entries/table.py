"""Looking principals up among access entries, for authentication and for authorization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eksauth.authenticator.entries.model import AccessEntry
from eksauth.authenticator.identity import Identity
from eksauth.authenticator.mapping.model import Match, NearMiss, NotMapped, Problem, Problems
from eksauth.authenticator.mapping.steps import Steps, batches, emptied, finish

_LIMIT = 5


class EntryTable:
    """An index over access entries.

    EKS keeps one entry for each principal; where a file has several, the last one counts and the others are reported.
    Two roles of one name under different paths are one to STS, which tells no path.
    """

    def __init__(self, entries: Sequence[AccessEntry], problems: Iterable[Problem] = ()) -> None:
        self._problems = Problems()
        for problem in problems:
            self._problems.add(problem)
        self._by_arn: dict[str, AccessEntry] = {}
        # most names are those of one entry, and a tuple for each would cost more than the entries' own index
        self._by_name: dict[str, AccessEntry | tuple[AccessEntry, ...]] = {}
        finish(self._fill(entries))

    @classmethod
    def in_steps(cls, entries: Sequence[AccessEntry], problems: Iterable[Problem] = ()) -> Steps[EntryTable]:
        """Make the same table in small steps."""
        table = cls((), problems)
        yield from table._fill(entries)
        return table

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was skipped, and entries that shadow each other."""
        return tuple(self._problems.found)

    def _fill(self, entries: Sequence[AccessEntry]) -> Steps[None]:
        for batch in batches(entries):
            for entry in batch:
                self._put(entry)
            yield

    def _put(self, entry: AccessEntry) -> None:
        earlier = self._by_arn.get(entry.lookup_arn)
        if earlier is not None:
            message = f"{entry.principal_arn} has an entry again; this one wins over {earlier.source}"
            self._problems.add(Problem("entries.duplicate", message, entry.source, "keep one entry for each principal"))
        self._by_arn[entry.lookup_arn] = entry
        name = entry.lookup_arn.rpartition("/")[2]
        same_name = self._by_name.get(name)
        if same_name is None:
            self._by_name[name] = entry
        elif not isinstance(same_name, tuple):
            self._by_name[name] = (same_name, entry)
        elif len(same_name) < _LIMIT:
            self._by_name[name] = (*same_name, entry)

    def emptied(self) -> Steps[None]:
        """Forget everything, in small steps; for a table that nobody asks any more."""
        yield from emptied(self._by_arn)
        yield from emptied(self._by_name)

    def __len__(self) -> int:
        return len(self._by_arn)

    def entries(self) -> tuple[AccessEntry, ...]:
        """Return the entries in force."""
        return tuple(self._by_arn.values())

    def find(self, canonical_arn: str, principal_id: str) -> AccessEntry | None:
        """Return the entry of a principal; none when it was made anew under the same name since.

        :param principal_id: unique id, empty when it is not known.
        """
        entry = self._by_arn.get(canonical_arn.lower())
        if entry is None or (entry.principal_id and principal_id and entry.principal_id != principal_id):
            return None
        return entry

    def lookup(self, identity: Identity) -> Match | NotMapped:
        """Return the entry that decides, or the entries that nearly do."""
        entry = self.find(identity.canonical_arn, identity.user_id)
        if entry is None:
            return NotMapped(self._near_misses(identity), _suggestion(identity))
        return Match("entry", entry.principal_arn, entry.username, entry.groups, entry.source)

    def _near_misses(self, identity: Identity) -> tuple[NearMiss, ...]:
        key = identity.canonical_arn.lower()
        stale = self._by_arn.get(key)
        if stale is not None:
            explanation = (
                f"the entry is for {stale.principal_id}, the caller is {identity.user_id}: the principal was deleted "
                "and made again; write its new id"
            )
            return (NearMiss("recreated", stale.principal_arn, explanation, stale.source),)
        caller = key.split(":", 5)
        misses = []
        named = self._by_name.get(key.rpartition("/")[2], ())
        for entry in named if isinstance(named, tuple) else (named,):
            arn = entry.lookup_arn.split(":", 5)
            if arn[4] != caller[4]:
                why, what = "account", "the account differs"
            elif arn[5].partition("/")[0] != caller[5].partition("/")[0]:
                why, what = "kind", "it is of another kind of principal"
            else:
                why, what = "user_path", "the path of the user differs; users keep theirs"
            text = f"{entry.principal_arn} does not fit: {what}"
            misses.append(NearMiss(why, entry.principal_arn, text, entry.source))
        return tuple(misses)


def _suggestion(identity: Identity) -> str:
    return f"- principalArn: {identity.canonical_arn}\n  kubernetesGroups: []\n"
