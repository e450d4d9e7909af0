"""A Qdrant server's address that answers as one does, from the client's own double; and servers that fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]


@contextmanager
def serving(answer: Callable[[str, str, Any], Answer]) -> Iterator[str]:
    """The address of a server whose answers, status and JSON or bytes, a function of a request gives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            status, said = answer(self.command, self.path.partition("?")[0], body)
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = _do  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Double:
    """Answers requests for collections and points as Qdrant's documentation says, from memory.

    `requests`: (method, path) of all; `refuse` is asked before each and may give another answer.
    """

    def __init__(self) -> None:
        from qdrant_client import QdrantClient

        self.client: Any = QdrantClient(":memory:")
        self.requests: list[tuple[str, str]] = []
        self.refuse: Callable[[str, str], Answer | None] = lambda method, path: None
        self._one_at_a_time = threading.Lock()

    def __call__(self, method: str, path: str, body: Any) -> Answer:
        with self._one_at_a_time:
            self.requests.append((method, path))
            refused = self.refuse(method, path)
            if refused is not None:
                return refused
            if path == "/":
                return 200, {"title": "qdrant - vector search engine", "version": "1.17.0", "commit": "x"}
            found = self._answer(method, path.removeprefix("/collections").strip("/").split("/"), body)
            return 200, {"result": plain(found), "status": "ok", "time": 0.001}

    def _answer(self, method: str, parts: list[str], body: Any) -> Any:
        from qdrant_client import models

        client, name, what = self.client, parts[0], (method, *parts[1:])
        if parts == [""]:
            return client.get_collections()
        if what == ("GET", "exists"):
            return {"exists": client.collection_exists(name)}
        if what == ("PUT",):
            given = models.CreateCollection(**body)
            return client.create_collection(name, given.vectors)
        if what == ("DELETE",):
            return client.delete_collection(name)
        if what == ("PUT", "points"):
            points = models.PointsList(**body).points
            return client.upsert(name, points)
        if what == ("POST", "points"):
            return client.retrieve(name, models.PointRequest(**body).ids)
        if what == ("POST", "points", "delete"):
            return client.delete(name, models.PointIdsList(**body))
        if what == ("POST", "points", "scroll"):
            asked = models.ScrollRequest(**body)
            points, after = client.scroll(
                name, asked.filter, asked.limit, offset=asked.offset, with_payload=asked.with_payload
            )
            return {"points": points, "next_page_offset": after}
        if what == ("POST", "points", "query"):
            query = models.QueryRequest(**body)
            return client.query_points(
                name, query.query, using=query.using, query_filter=query.filter, limit=query.limit,
                with_payload=query.with_payload, with_vectors=query.with_vector,
            )  # fmt: skip
        if what == ("PUT", "index"):
            return {"operation_id": 1, "status": "completed"}
        raise AssertionError(f"the double was asked for {what}")


def plain(value: Any) -> Any:
    """JSON of what the client's models hold."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
