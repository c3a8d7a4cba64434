"""The long-lived keys of an ``aws/user`` in the secret store, and how they get there: typed, or piped in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from eksauth.credentials.cache import cache_directory
from eksauth.credentials.cache_store import store_private
from eksauth.credentials.config.model import AuthConfig, Identity
from eksauth.credentials.config.settings import KEYRING_PATH, KEYRING_TYPE
from eksauth.credentials.identities.contract import Human, Input
from eksauth.credentials.identity_inputs import digest
from eksauth.credentials.model import Credentials, unusable_field
from eksauth.credentials.secrets.store import SecretStore, SecretsUnavailable, open_store
from eksauth.errors import CredentialsError, UsageError

_PREFIX = "aws-user/"


@dataclass(frozen=True, slots=True)
class StoredKeys:
    """Keys of an IAM user.

    :ivar mfa_arn: the user's device, where it was stored with the keys.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    mfa_arn: str | None = None


def secret_name(identity: str) -> str:
    """Return the name of an identity's keys in the store; names of identities do not mind case."""
    return _PREFIX + identity.lower()


def read_user_keys(store: SecretStore, identity: str) -> StoredKeys | None:
    """Return the keys of an identity, or None when none are stored.

    :raises CredentialsError: when what is stored is not a pair of keys.
    """
    text = store.get(secret_name(identity))
    if text is None:
        return None
    try:
        value = json.loads(text)
        mfa = value.get("mfa_arn")
        return StoredKeys(str(value["access_key_id"]), str(value["secret_access_key"]), str(mfa) if mfa else None)
    except (ValueError, KeyError, AttributeError):
        raise CredentialsError(
            f"the stored keys of identity '{identity}' cannot be read",
            hint=f"store them again: eksauth login {identity} --store-keys",
            code="secrets.keys",
        ) from None


@dataclass(frozen=True, slots=True)
class KeysStored:
    """What :func:`store_user_keys` did.

    :ivar place: where the keys are, for people.
    :ivar replaced: the id of the key that was there before, or None.
    """

    identity: str
    access_key_id: str
    place: str
    replaced: str | None


def store_user_keys(
    config: AuthConfig,
    identity: Identity,
    keys: StoredKeys,
    environ: Mapping[str, str],
    *,
    human: Human | None = None,
) -> KeysStored:
    """Keep the keys of an ``aws/user`` in the secret store of the configuration.

    :raises UsageError: when the identity is of another kind, has keys in its configuration, or the keys are unusable.
    :raises SecretsUnavailable: when there is nowhere to keep them.
    """
    if identity.kind != "aws/user":
        raise UsageError(
            f"identity '{identity.name}' is of kind {identity.declared_kind}, which has no keys",
            hint="only identities of kind aws/user do",
        )
    if identity.credentials.access_key_id:
        raise UsageError(
            f"{identity.place}: identity '{identity.name}' has its keys in the configuration, which come first",
            hint="remove access_key_id and secret_access_key there",
        )
    check_keys(keys)
    if config.keyring.kind == "memory":
        raise SecretsUnavailable("a keyring of type memory forgets the keys at once", hint="choose another type")
    store = open_store(config, environ, human=human)
    try:
        before = read_user_keys(store, identity.name)
    except CredentialsError as error:
        if error.code != "secrets.keys":
            raise
        before = None
    value = {"access_key_id": keys.access_key_id, "secret_access_key": keys.secret_access_key}
    if keys.mfa_arn:
        value["mfa_arn"] = keys.mfa_arn
    store.set(secret_name(identity.name), json.dumps(value))
    store_private(environ, _note(config, identity.name), digest(keys.access_key_id).encode())
    replaced = before.access_key_id if before and before.access_key_id != keys.access_key_id else None
    return KeysStored(identity.name, keys.access_key_id, store.describe(), replaced)


def key_inputs(config: AuthConfig, identity: str, environ: Mapping[str, str]) -> tuple[Input, ...]:
    """Return what decides whose keys are stored: the keyring, and a note of which key was stored last.

    Looking into the keyring itself takes a password or a process, which is too much to find out whether it changed.
    """
    variables = (*KEYRING_TYPE, *KEYRING_PATH, *(() if config.keyring.path else ("XDG_DATA_HOME",)))
    directory = cache_directory(environ)
    note: tuple[Input, ...] = () if directory is None else (("file", f"{directory}/{_note(config, identity)}"),)
    return (*[("env", name) for name in variables], *note)


def _note(config: AuthConfig, identity: str) -> str:
    keyring = config.keyring
    parts = (config.realm, keyring.kind, keyring.path or "", secret_name(identity))
    return f"user-{digest(chr(0).join(parts))[:40]}.key"


def check_keys(keys: StoredKeys) -> None:
    """Refuse what cannot be the keys of an IAM user.

    :raises UsageError: without showing a secret.
    """
    unusable = unusable_field(Credentials(keys.access_key_id, keys.secret_access_key))
    if unusable:
        raise UsageError(f"the {unusable} is empty or has blanks in it", hint="copy it again, without the line end")
    if keys.access_key_id.startswith("ASIA"):
        raise UsageError(
            "this is a temporary access key, which ends within hours", hint="store the key of an IAM user (AKIA…)"
        )
    if not (16 <= len(keys.access_key_id) <= 128 and keys.access_key_id.isalnum()):
        raise UsageError(
            "the access key id does not look like one", hint="it is 20 letters and digits that start with AKIA"
        )


def ask_for_keys(human: Human, identity: str) -> StoredKeys:
    """Let a person type the keys; the secret one is not shown."""
    key_id = human.ask(f"access key id of {identity}").strip()
    return StoredKeys(key_id, human.ask("secret access key", secret=True).strip())


def parse_keys(text: str) -> StoredKeys:
    """Read keys that were piped in: two lines, or JSON as AWS prints it.

    JSON is an object with ``AccessKeyId`` and ``SecretAccessKey``, or the answer of ``aws iam create-access-key``.

    :raises UsageError: when it is neither.
    """
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
            value = value.get("AccessKey", value)
            return StoredKeys(str(value["AccessKeyId"]), str(value["SecretAccessKey"]))
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            raise UsageError("the JSON holds no AccessKeyId and SecretAccessKey", hint=_FORMS) from None
    lines = text.split()
    if len(lines) != 2:
        raise UsageError("this is not a pair of keys", hint=_FORMS)
    return StoredKeys(*lines)


_FORMS = "pipe in two lines (the access key id, the secret key), or what 'aws iam create-access-key' prints"
