"""A Qdrant server: requests to it, and what goes wrong with them in one clear line."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ghostnote.errors import LibraryError, NetworkError, UsageError
from ghostnote.library.points import ASPECTS, FACTS, LATENT, Point

MEMORY = ":memory:"
"""In place of an address: the client's own double of a server, which lasts as long as the process."""
KEY_VARIABLE = "QDRANT_API_KEY"
OLDEST = (1, 10)
TIMEOUT_S = 60
TRIES = 3
PAGE = 10_000
EXPLORED = 256
"""So many candidates are held while the graph of a search is followed, or twice what is asked."""

_TEXTS = ("content", "class", "folder")


class Server:
    """A server, asked by one thread at a time. Each method raises NetworkError when it cannot be reached or
    does not answer in time, LibraryError when it refuses or is none."""

    def __init__(self, url: str) -> None:
        """`url`: http://HOST[:6333] or https://…, or ":memory:". Raises UsageError too."""
        self.url = url
        if importlib.util.find_spec("qdrant_client") is None:
            raise LibraryError(
                "--store qdrant needs the Qdrant client, which is not installed: "
                "pip install 'ghostnote[qdrant]'"
            )
        self._models: Any = importlib.import_module("qdrant_client.models")
        self._errors: Any = importlib.import_module("qdrant_client.http.exceptions")
        self._local = url == MEMORY
        self._client = _in_memory() if self._local else _client(url)
        if not self._local:
            try:
                self._check_version()
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connections."""
        if not self._local:
            self._client.close()

    def _check_version(self) -> None:
        with self._telling():
            version = str(self._client.info().version)
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise LibraryError(
                f"{self.url}: is Qdrant {version}; {oldest} or later is needed: update the server"
            )

    def collections(self) -> list[str]:
        """Names of all collections, sorted."""
        with self._telling():
            return sorted(one.name for one in self._client.get_collections().collections)

    def create(self, name: str, latent: int, width: int) -> None:
        """Make a collection for sounds with vectors of these lengths, unless it is there."""
        models = self._models
        with self._telling():
            if self._client.collection_exists(name):
                return
            self._client.create_collection(
                name,
                vectors_config={
                    LATENT: models.VectorParams(size=latent, distance=models.Distance.EUCLID),
                    # Compared with all, exactly: no graph, and not kept in memory.
                    ASPECTS: models.VectorParams(
                        size=width,
                        distance=models.Distance.DOT,
                        on_disk=True,
                        hnsw_config=models.HnswConfigDiff(m=0),
                    ),
                },
                on_disk_payload=True,
            )

    def prepare_filters(self, name: str, numbers: Sequence[str]) -> None:
        """Have a collection keep what filters look at in an index of its own."""
        if self._local:
            return
        kinds = dict.fromkeys(_TEXTS, self._models.PayloadSchemaType.KEYWORD)
        kinds |= dict.fromkeys(numbers, self._models.PayloadSchemaType.FLOAT)
        with self._telling():
            for field, kind in kinds.items():
                self._client.create_payload_index(name, field_name=field, field_schema=kind, wait=True)

    def drop(self, name: str) -> None:
        """Delete a collection."""
        with self._telling():
            self._client.delete_collection(name)

    def payload(self, name: str, point: str = FACTS) -> dict[str, Any] | None:
        """What a collection's point of this id says; None where there is none."""
        with self._telling():
            found = self._client.retrieve(name, ids=[point], with_payload=True)
        return dict(found[0].payload) if found else None

    def scroll(
        self, name: str, fields: Sequence[str], needed: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """(id, these fields of the payload) of all points of a collection that have the field `needed`."""
        models, offset = self._models, None
        empty = models.IsEmptyCondition(is_empty=models.PayloadField(key=needed)) if needed else None
        wanted = models.Filter(must_not=[empty]) if empty else None
        while True:
            with self._telling():
                page, offset = self._client.scroll(
                    name, scroll_filter=wanted, limit=PAGE, with_payload=list(fields), offset=offset
                )
            for point in page:
                yield str(point.id), point.payload or {}
            if offset is None:
                return

    def put(self, name: str, points: Sequence[Point]) -> None:
        """Write points, again where they are there already; returns when they are written."""
        made = [
            self._models.PointStruct(
                id=one.id,
                vector={name: values.tolist() for name, values in one.vectors.items()},
                payload={**one.payload, "mark": one.mark},
            )
            for one in points
        ]
        self._persist(lambda: self._client.upsert(name, points=made, wait=True))

    def delete(self, name: str, ids: Sequence[str]) -> None:
        """Delete points; returns when they are gone."""
        self._persist(lambda: self._client.delete(name, points_selector=list(ids), wait=True))

    def _persist(self, request: Callable[[], object]) -> None:
        """A change that may be made twice, tried again when the server does not answer."""
        for number in range(TRIES):
            try:
                with self._telling():
                    request()
                return
            except NetworkError:
                if number == TRIES - 1:
                    raise
                time.sleep(2.0**number)

    def near(
        self, name: str, using: str, vector: list[float], count: int, wanted: dict[str, list[Any]]
    ) -> list[tuple[dict[str, Any], list[float]]]:
        """(payload, vector `using`) of the points of a collection nearest to a vector, the nearest first.

        `wanted`: conditions that `anyof` and `between` made, under "must" and "must_not".
        """
        models = self._models
        params = None  # its double compares with all anyway
        if not self._local:
            params = models.SearchParams(hnsw_ef=max(EXPLORED, 2 * count), exact=using == ASPECTS)
        with self._telling():
            found = self._client.query_points(
                name,
                query=vector,
                using=using,
                limit=count,
                query_filter=models.Filter(**wanted) if any(wanted.values()) else None,
                search_params=params,
                with_payload=["file", "onset_s", "class", "length_s"],
                with_vectors=[using],
            ).points
        return [(point.payload, point.vector[using]) for point in found]

    def anyof(self, field: str, values: Sequence[str]) -> object:
        """The condition that a field holds one of these texts."""
        return self._models.FieldCondition(key=field, match=self._models.MatchAny(any=list(values)))

    def between(self, field: str, **bounds: float) -> object:
        """The condition that a number is greater or less (gt, gte, lt, lte) than some."""
        return self._models.FieldCondition(key=field, range=self._models.Range(**bounds))

    def all_of(self, conditions: Sequence[object]) -> object:
        """The condition that all of these are met."""
        return self._models.Filter(must=list(conditions))

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._errors.UnexpectedResponse as error:
            raise LibraryError(f"{self.url}: {_refusal(error)}") from None
        except self._errors.ResponseHandlingException as error:
            source = error.source
            said = " ".join(str(source).split())[:200] or type(source).__name__
            if "Timeout" in type(source).__name__:
                raise NetworkError(
                    f"{self.url}: the Qdrant server does not answer within {TIMEOUT_S} s; is it busy or too "
                    "small? try again, what it has is kept"
                ) from None
            if type(source).__module__.startswith(("httpx", "httpcore")):
                raise NetworkError(
                    f"{self.url}: no Qdrant server can be reached there ({said}); start it, or give its --url"
                ) from None
            raise self._strange(said) from None
        except ValueError as error:
            raise self._strange(" ".join(str(error).split())[:200]) from None

    def _strange(self, said: str) -> LibraryError:
        return LibraryError(f"{self.url}: does not answer as Qdrant does ({said}); is it one?")


def _refusal(error: Any) -> str:
    content = (error.content or b"").decode("utf-8", "replace")
    said = " ".join(re.sub(r"<[^>]*>", " ", content).split())[:300]
    if error.status_code in (401, 403):
        key = "the key in" if os.environ.get(KEY_VARIABLE) else "a key, in"
        return f"access is refused; the server needs {key} {KEY_VARIABLE} to allow it ({said})"
    if error.status_code == 404:
        return f"does not have what was asked for ({said}); is it a Qdrant server, and this its address?"
    return f"the Qdrant server refuses: {error.status_code} {said}"


def _client(url: str) -> Any:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 6333)
    except ValueError:
        parts, good = urlsplit(""), False
    if not good:
        raise UsageError(f"--url {url}: give the address of a Qdrant server, as http://localhost:6333")
    if parts.username or parts.password:
        raise UsageError(f"--url: put the key into {KEY_VARIABLE}, not into the address")
    client: Any = importlib.import_module("qdrant_client").QdrantClient
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a key over http, which docs/scale.md speaks of
        return client(
            url=url,
            api_key=os.environ.get(KEY_VARIABLE) or None,
            timeout=TIMEOUT_S,
            check_compatibility=False,
        )


@functools.cache
def _in_memory() -> Any:
    return importlib.import_module("qdrant_client").QdrantClient(MEMORY)
