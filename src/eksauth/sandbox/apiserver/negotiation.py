"""Which form of an answer a client accepts: the object itself, a table of it, or its metadata only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eksauth.sandbox.apiserver.status import not_acceptable

JSON = "application/json"
_AVAILABLE = ("application/json", "application/json;stream=watch")
_DISCOVERY = "apidiscovery.k8s.io"
_META = "meta.k8s.io"
_SHAPES = {"Table": "table", "PartialObjectMetadata": "metadata", "PartialObjectMetadataList": "metadata"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """One form: ``shape`` is object, table, metadata or discovery; ``version`` is that of the wrapping kind."""

    shape: str = "object"
    version: str = "v1"

    @property
    def content_type(self) -> str:
        """Return the Content-Type of an answer in this form."""
        if self.shape == "discovery":
            return f"{JSON};g={_DISCOVERY};v={self.version};as=APIGroupDiscoveryList"
        return JSON


def negotiate(header: str, shapes: Sequence[str]) -> Accepted:
    """Choose the first form in the Accept header that is among ``shapes``; plain JSON is always among them.

    :raises ApiError: 406 when there is none.
    """
    for clause in header.split(",") if header.strip() else ["*/*"]:
        media, *parameters = (part.strip() for part in clause.split(";"))
        chosen = _clause(media.lower(), dict(part.partition("=")[::2] for part in parameters))
        if chosen is not None and (chosen.shape == "object" or chosen.shape in shapes):
            return chosen
    raise not_acceptable(_AVAILABLE)


def _clause(media: str, parameters: dict[str, str]) -> Accepted | None:
    if media not in (JSON, "application/*", "*/*"):
        return None
    kind = parameters.get("as", "")
    version = parameters.get("v", "v1")
    if not kind:
        return Accepted()
    group = parameters.get("g", "")
    if group == _META and version in ("v1", "v1beta1"):
        return Accepted(_SHAPES[kind], version) if kind in _SHAPES else None
    if group == _DISCOVERY and kind == "APIGroupDiscoveryList" and version in ("v2", "v2beta1"):
        return Accepted("discovery", version)
    return None
