"""One walk along a chain: from the target back to the nearest link that is still good, and forward from there.

Each link that gives AWS credentials is cached under its own key. Whoever finds one missing takes that key's lock; the
others wait and then read. A person who signs in holds no lock: nobody waits for somebody who types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eksauth.credentials.cache import MIN_REMAINING_SECONDS, load
from eksauth.credentials.cache_store import refresh_lock, store
from eksauth.credentials.identities.contract import Context, Material, NeedsHuman, Step, login_hint
from eksauth.credentials.identities.failures import failure_since, forget_failure, note_failure
from eksauth.credentials.model import Credentials
from eksauth.errors import AwsUnreachable, CredentialsError, EksauthError

LAST_SECONDS = 120
"""Credentials that cannot be renewed now are used until this long before their end."""
_STALE = {"credentials.expired", "credentials.unknown_key", "credentials.bad_signature"}


class Walk:
    """The state of a walk.

    :param regions: where each step asks AWS.
    :param keys: the cache entry of each step, None where nothing is cached.
    :param keys_now: returns them as they are by then: they change when somebody signs in.
    :ivar warnings: what a person should hear.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        regions: Sequence[str],
        keys: Sequence[str | None],
        keys_now: Callable[[], Sequence[str | None]],
        context: Context,
    ) -> None:
        self._steps = steps
        self._regions = regions
        self._keys = keys
        self._keys_now = keys_now
        self._context = context
        self._from_cache: set[int] = set()
        self._distrusted: set[int] = set()
        self.warnings: list[str] = []

    def credentials(self) -> Credentials:
        """Return the target's credentials.

        :raises EksauthError: whatever says best why there are none.
        """
        last = len(self._steps) - 1
        try:
            found = self._material(last)
        except (NeedsHuman, AwsUnreachable) as error:
            left = self._last_resort(last)
            if left is None:
                raise
            self.warnings.append(f"using credentials that end soon, for they cannot be renewed: {error.message}")
            return left
        if not isinstance(found, Credentials):
            step = self._steps[last]
            raise CredentialsError(f"'{step.name}' ({step.kind}) gives no AWS credentials", code="credentials.none")
        return found

    def _material(self, at: int) -> Material | None:
        if at < 0:
            return None
        key = self._keys[at]
        if key is None:
            return self._obtain(at)
        found = self._cached(at, key)
        if found is not None:
            return found
        if self._context.human is not None or not self._context.use_cache:
            return self._kept(at, self._obtain(at))
        return self._single(at, key)

    def _single(self, at: int, locked: str) -> Material:
        environ, clock = self._context.environ, self._context.clock
        started = clock()
        with refresh_lock(environ, locked):
            self._keys = self._keys_now()
            key = self._keys[at]
            if key is None:
                return self._obtain(at)
            found = self._cached(at, key)
            if found is not None:
                return found
            failed = failure_since(environ, key, started)
            if failed is not None:
                raise failed
            try:
                made = self._obtain(at)
            except EksauthError as error:
                note_failure(environ, key, error, clock())
                raise
            return self._kept(at, made)

    def _obtain(self, at: int) -> Material:
        step, source = self._steps[at], self._material(at - 1)
        if self._context.human is not None:  # who may have signed in just now
            self._keys = self._keys_now()
        context = replace(self._context, region=self._regions[at])
        try:
            made = step.obtain(source, context)
        except CredentialsError as error:
            before = at - 1
            if error.code not in _STALE or before not in self._from_cache:
                raise
            # revoked or replaced since it was cached: once more with a new one
            self._from_cache.discard(before)
            self._distrusted.add(before)
            made = step.obtain(self._material(before), context)
        if made is None:
            raise NeedsHuman(f"'{step.name}' ({step.kind}) needs somebody to sign in", hint=login_hint(step.name))
        return made

    def _cached(self, at: int, key: str) -> Credentials | None:
        if self._context.fresh or not self._context.use_cache or at in self._distrusted:
            return None
        found = load(self._context.environ, key, self._context.clock())
        if found is not None:
            self._from_cache.add(at)
        return found

    def _kept(self, at: int, made: Material) -> Material:
        self._distrusted.discard(at)
        if not isinstance(made, Credentials) or not self._context.use_cache:
            return made
        before, self._keys = self._keys, self._keys_now()
        key = self._keys[at]
        if key is None or (key != before[at] and self._context.human is None):
            return made  # somebody signed in meanwhile, perhaps somebody else
        now = self._context.clock()
        life = getattr(self._steps[at], "life_seconds", None)
        kept = made
        if life is not None and made.expires_at is not None:
            kept = Credentials(
                made.access_key_id,
                made.secret_access_key,
                made.session_token,
                min(made.expires_at, now + life + MIN_REMAINING_SECONDS),
                made.source,
            )
        warning = store(self._context.environ, key, kept, now)
        if warning is not None:
            self.warnings.append(warning)
        forget_failure(self._context.environ, key)
        return made

    def _last_resort(self, at: int) -> Credentials | None:
        key = self._keys[at]
        if key is None or self._context.fresh or not self._context.use_cache or self._distrusted:
            return None
        return load(self._context.environ, key, self._context.clock(), LAST_SECONDS)
