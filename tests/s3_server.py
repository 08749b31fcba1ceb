"""As much of S3 as files need: one bucket in memory, on a free port, which takes one key's signatures."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET, KEY_ID, SECRET = "shop", "AKIATEST", "a secret of forty characters or about so"


@dataclass
class Bucket:
    url: str = ""
    stored: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    down: bool = False


@contextmanager
def serving() -> Iterator[Bucket]:
    bucket = Bucket()

    class Handler(_Handler):
        pass

    Handler.bucket = bucket
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._lets_in():
            self.bucket.stored[self._key] = (body, datetime.now(UTC))
            self._answer(200, headers={"ETag": '"x"'})

    def do_GET(self) -> None:
        if not self._lets_in():
            return
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            self._answer(200, self._listed(query.get("prefix", [""])[0]))
        elif self._key in self.bucket.stored:
            content, at = self.bucket.stored[self._key]
            self._answer(200, content, {"ETag": '"x"', "Last-Modified": at.strftime("%a, %d %b %Y %H:%M:%S GMT")})
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET  # noqa: N815 - http.server looks for these names

    def do_DELETE(self) -> None:
        if self._lets_in():
            self.bucket.stored.pop(self._key, None)
            self._answer(204)

    def do_POST(self) -> None:
        """`?delete`: many at once."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self._lets_in():
            keys = re.findall("<Key>(.*?)</Key>", body)
            for key in keys:
                self.bucket.stored.pop(key, None)
            told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")

    def _lets_in(self) -> bool:
        self.bucket.asked.append(f"{self.command} {self.path}")
        signed = f"AWS4-HMAC-SHA256 Credential={KEY_ID}/" in self.headers.get("Authorization", "")
        if self.bucket.down or not signed:
            self._answer(503 if self.bucket.down else 403)
        return signed and not self.bucket.down

    def _listed(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>&quot;x&quot;</ETag>"
            f"<LastModified>{at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}</LastModified></Contents>"
            for key, (content, at) in sorted(self.bucket.stored.items())
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass
