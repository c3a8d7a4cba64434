"""What backends ask of a Kubernetes API, on lightkube's client: objects as plain dictionaries, errors as our own.

Watches are read here: lightkube's own starts over at once whenever the server ends one, knows no bookmarks, and splits
lines at characters that may stand in an object.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import User
from lightkube.core.generic_client import GenericAsyncClient
from lightkube.core.resource import Resource
from lightkube.generic_resource import create_global_resource
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import ConfigMap, Event

from eksauth.authenticator.backends.cluster.kube_transport import transport_for
from eksauth.authenticator.backends.cluster.kube_where import Where
from eksauth.errors import KubernetesError
from eksauth.kube.answers import message_of

CONFIG_MAPS, EVENTS, LEASES = ConfigMap, Event, Lease
IDENTITY_MAPPINGS = create_global_resource(
    "iamauthenticator.k8s.aws", "v1alpha1", "IAMIdentityMapping", "iamidentitymappings"
)
ACCESS_ENTRIES = create_global_resource("access.eksauth.dev", "v1alpha1", "AccessEntry", "accessentries")

Object: TypeAlias = dict[str, Any]
ResourceType: TypeAlias = type[Resource]
GONE = 410
_MAX_LINE = 64 * 1024 * 1024
_PAGE = 500
_SECONDS = httpx2.Timeout(30.0, connect=10.0)


class ApiFailure(KubernetesError):
    """The API refused a request or could not be asked.

    :ivar status: HTTP status, 0 when there was no answer.
    :ivar retry_after: seconds that the API wants to be left alone.
    """

    def __init__(self, message: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(message, code="kubernetes.answer" if status else "kubernetes.unreachable")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects as of a resource version."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``."""

    type: str
    object: Object


class _Line(msgspec.Struct):
    type: str
    object: dict[str, Any]


class KubeApi:
    """One connection to an API server; use :func:`connected`."""

    def __init__(self, server: str, transport: httpx2.AsyncBaseTransport) -> None:
        self._server = urlsplit(server).netloc.rpartition("@")[2]
        config = KubeConfig.from_server(server).get()
        if config is None:
            raise ApiFailure("the server of the cluster is no address")
        self._client = GenericAsyncClient(
            ConnectionParams(timeout=_SECONDS, trust_env=False, transport=transport),  # type: ignore[arg-type]
            config._replace(user=User()),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def list(self, resource: ResourceType, *, namespace: str | None = None, fields: str = "") -> Listing:
        """Return every object; raises ApiFailure."""
        items: list[Object] = []
        params: dict[str, str | int] = {"limit": _PAGE} | ({"fieldSelector": fields} if fields else {})
        while True:
            answer = await self._ask("GET", resource, namespace=namespace, params=params)
            try:
                items += [item for item in answer.get("items") or () if isinstance(item["metadata"]["name"], str)]
                version = str(answer["metadata"]["resourceVersion"])
                following = answer["metadata"].get("continue") or ""
            except (KeyError, TypeError):
                raise ApiFailure("the answer is no list of objects", status=200) from None
            if not following:
                return Listing(tuple(items), version)
            params["continue"] = following

    async def watch(
        self, resource: ResourceType, *, namespace: str | None = None, fields: str = "", since: str, seconds: int
    ) -> AsyncGenerator[Change, None]:
        """Yield changes after the resource version ``since`` until the server ends the watch.

        :param seconds: after which the server is asked to end it; one that does not is taken for dead a little later.
        :raises ApiFailure: ``status`` is 410 when ``since`` is too old.
        """
        params: dict[str, str | int] = {
            "resourceVersion": since,
            "timeoutSeconds": seconds,
            "allowWatchBookmarks": "true",
        }
        if fields:
            params["fieldSelector"] = fields
        request = self._client.prepare_request("list", resource, namespace=namespace, watch=True, params=params)
        request.timeout = httpx2.Timeout(30.0, connect=10.0, read=float(seconds + 30))
        async with aclosing(self._lines(self._client.build_adapter_request(request))) as lines:
            async for line in lines:
                try:
                    change = msgspec.json.decode(line, type=_Line)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    raise ApiFailure("the watch answers with something that is no event", status=200) from None
                if change.type == "ERROR":
                    code = change.object.get("code")
                    message = " ".join(str(change.object.get("message") or "no further words").split())[:500]
                    raise ApiFailure(f"the watch ended: {message}", status=code if isinstance(code, int) else 500)
                yield Change(change.type, change.object)

    async def get(self, resource: ResourceType, name: str, *, namespace: str | None = None) -> Object:
        """Return one object; raises ApiFailure."""
        return await self._ask("GET", resource, name=name, namespace=namespace)

    async def create(self, resource: ResourceType, body: Mapping[str, Any], *, namespace: str | None = None) -> Object:
        """Create an object; raises ApiFailure, with status 409 when there is one of that name."""
        return await self._ask("POST", resource, namespace=namespace, body=body)

    async def replace(
        self, resource: ResourceType, name: str, body: Mapping[str, Any], *, namespace: str | None = None
    ) -> Object:
        """Replace an object; raises ApiFailure, with status 409 when it has changed since ``body`` was read."""
        return await self._ask("PUT", resource, name=name, namespace=namespace, body=body)

    async def patch(
        self, resource: ResourceType, name: str, body: Mapping[str, Any], *, namespace: str | None = None
    ) -> Object:
        """Merge ``body`` into an object; for its status pass the resource's ``Status``. Raises ApiFailure."""
        return await self._ask("PATCH", resource, name=name, namespace=namespace, body=body)

    async def _ask(
        self,
        method: str,
        resource: ResourceType,
        *,
        name: str | None = None,
        namespace: str | None = None,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Object:
        asked = self._client.prepare_request(
            "list" if name is None else "get", resource, name=name, namespace=namespace, params=dict(params or {})
        )
        asked.method, asked.data = method, body
        if body is not None:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            asked.headers = {"Content-Type": kind}
        request = self._client.build_adapter_request(asked)
        async with _as_failures(self._server):
            response = await self._sent(request)
        if not 200 <= response.status_code < 300:
            raise _refused(response, response.content)
        try:
            answer = msgspec.json.decode(response.content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ApiFailure("the answer is none of a Kubernetes API", status=response.status_code) from None
        return answer

    async def _sent(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        response: httpx2.Response = await self._client.send(request, stream=stream)  # type: ignore[no-untyped-call]
        return response

    async def _lines(self, request: httpx2.Request) -> AsyncGenerator[bytes, None]:
        async with _as_failures(self._server):
            response = await self._sent(request, stream=True)
            try:
                if response.status_code != 200:
                    raise _refused(response, await response.aread())
                async with aclosing(_split(response)) as lines:
                    async for line in lines:
                        yield line
            finally:
                await response.aclose()


async def _split(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a body, without those that are empty, and without a last one that has no end."""
    buffer = bytearray()
    async for part in response.aiter_bytes():
        buffer += part
        if b"\n" not in part:
            if len(buffer) > _MAX_LINE:
                raise ApiFailure("an event of the watch is too large", status=200)
            continue
        *lines, rest = bytes(buffer).split(b"\n")
        buffer = bytearray(rest)
        for line in lines:
            if line.strip():
                yield line


@asynccontextmanager
async def connected(where: Where) -> AsyncIterator[KubeApi]:
    """Give a connection with the credentials of this moment, and close it.

    :raises ConfigError, CredentialsError: when there are none, or they cannot be used.
    """

    def prepare() -> KubeApi:
        target = where.target()
        return KubeApi(target.cluster.server, transport_for(target))

    api = await asyncio.to_thread(prepare)
    try:
        yield api
    finally:
        await api.close()


@asynccontextmanager
async def _as_failures(server: str) -> AsyncIterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        raise ApiFailure(f"cannot speak TLS with {server}: {error.reason or error}") from None
    except httpx2.TimeoutException:
        raise ApiFailure(f"{server} does not answer in time") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise ApiFailure(f"cannot reach {server}: {why.lower()}") from None


def _refused(response: httpx2.Response, body: bytes) -> ApiFailure:
    after = response.headers.get("Retry-After", "")
    return ApiFailure(
        f"the API server answered {response.status_code}: {message_of(body)}",
        status=response.status_code,
        retry_after=float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0.0,
    )
