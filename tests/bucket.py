"""An S3 service of our own, and one that fails as it is told."""

import contextlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.sipnode import free_port

BUCKET = "recordings"
START_SECONDS = 30.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "shop", "AWS_SECRET_ACCESS_KEY": "of our own"}


@contextlib.contextmanager
def s3_service(port: int | None = None) -> Iterator[str]:
    """Its address; it has one bucket, BUCKET, and is empty."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _make_bucket(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _make_bucket(url: str, process: "subprocess.Popen[bytes]") -> None:
    request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")  # noqa: S310 - http, ours
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "the S3 service ended instead of starting"
        with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(request):  # noqa: S310
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextlib.contextmanager
def failing_service(status: int | None) -> Iterator[str]:
    """Answers everything with `status`; `None`: never."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _fail(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if status is None:
                ended.wait(20)
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _fail  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
