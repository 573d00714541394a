"""HTTP from a scenario: the platform's limits and codes, stubs and the real web."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ringtrace.gateways.voximplant.emulator import Case, Reply, Request, Result, Stub, run

SCRIPT = """
const say = (text) => Logger.write('> ' + text);
const show = (r) => say([r.code, r.text, Math.round((Date.now() - began) / 100) / 10].join(' '));
const began = Date.now();
const end = () => VoxEngine.terminate();
VoxEngine.addEventListener(AppEvents.Started, () => { %s });
"""


def play(body: str, **changes: Any) -> Result:
    http = changes.pop("backend", None)
    return run([SCRIPT % body], Case("15550100101", **changes), http=http)


def said(result: Result) -> list[str]:
    return [line.partition("> ")[2] for line in result.log if " > " in line]


def test_the_first_stub_that_fits_url_and_method_answers() -> None:
    http = (
        Stub("http://a/*", method="post", text="posted"),
        Stub("http://a/*", status=404, text="none", delay=0.5),
    )
    body = (
        "Net.httpRequest('http://a/x', show);"
        "Net.httpRequestAsync('http://a/x', {method: 'post', postData: 'b'}).then(show);"
        "Net.httpRequestAsync('http://b/x').then(show);"
    )
    assert sorted(said(play(body, http=http))) == ["-3  0.1", "200 posted 0.1", "404 none 0.5"]


@pytest.mark.parametrize(
    ("options", "seconds"), [("{timeout: 2}", "2"), ("{timeout: 500}", "90"), ("{}", "90")]
)
def test_a_slow_answer_is_code_minus_7_after_the_timeout(options: str, seconds: str) -> None:
    body = f"Net.httpRequest('http://a/', show, {options}); VoxEngine.callPSTN('1', '2');"
    keeper = "setInterval(() => VoxEngine.callPSTN('1', '2'), 40000);"
    result = play(body + keeper, http=(Stub("*", delay=1000),))
    assert said(result)[0].split() == ["-7", seconds]


def test_three_requests_run_at_once_and_the_rest_wait() -> None:
    body = "for (let i = 0; i < 7; i++) Net.httpRequest('http://a/' + i, show);"
    result = play(body, http=(Stub("*", delay=1),))
    assert [line.split()[-1] for line in said(result)] == ["1", "1", "1", "2", "2", "2", "3"]


def test_the_36th_pending_request_throws() -> None:
    body = (
        "for (let i = 0; i < 35; i++) Net.httpRequest('http://a/', () => {});"
        "try { Net.httpRequest('http://a/', show); } catch (e) { say(e.message); }"
    )
    result = play(body, http=(Stub("*"),))
    assert said(result) == ["Exceeded the HTTP connection count limit!"]
    assert len(result.requests) == 35


def test_while_terminating_one_request_leaves_and_in_terminated_none() -> None:
    body = (
        "const ask = (n) => Net.httpRequest('http://a/' + n, show);"
        "VoxEngine.addEventListener(AppEvents.Terminating, () => { ask(1); ask(2); });"
        "VoxEngine.addEventListener(AppEvents.Terminated, () => { ask(3); say('end'); }); end();"
    )
    result = play(body, http=(Stub("*", text="ok", delay=2),))
    assert [sent.url for sent in result.requests] == ["http://a/1"]
    assert said(result) == ["200 ok 2", "end"]


def test_at_the_end_active_requests_finish_and_waiting_ones_are_dropped() -> None:
    body = "for (let i = 0; i < 5; i++) Net.httpRequest('http://a/' + i, show); end();"
    result = play(body, http=(Stub("*", delay=30),))
    assert [line.split()[0] for line in said(result)] == ["200"] * 3
    assert len(result.requests) == 3
    assert result.duration == pytest.approx(30)


def test_a_request_carries_params_headers_and_body_in_both_notations() -> None:
    seen: list[Request] = []

    def backend(request: Request, _moment: float) -> Reply:
        seen.append(request)
        return Reply(200)

    body = (
        "const old = new Net.HttpRequestOptions(); old.method = 'POST'; old.postData = [104, 105];"
        "old.headers = ['X-A: 1']; Net.httpRequest('http://a/?z=1', show, old);"
        "Net.httpRequest('http://a/', show, {params: {q: 'a b'}, headers: {'X-B': 2}});"
    )
    play(body, backend=backend)
    assert [(r.url, r.headers, r.body) for r in seen] == [
        ("http://a/?z=1", (("X-A", "1"),), b"hi"),
        ("http://a/?q=a%20b", (("X-B", "2"),), None),
    ]


def test_a_callback_that_is_none_is_an_error_when_the_answer_comes() -> None:
    result = play("Net.httpRequest('http://a/', 7);", http=(Stub("*"),))
    assert result.finish_reason == "JS session error"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the name http.server calls
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://elsewhere.invalid/")
            self.end_headers()
            return
        if self.path == "/slow":
            threading.Event().wait(0.6)
        body = b"x" * 2_200_000 if self.path == "/large" else self.headers["User-Agent"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as inherited
        pass


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is part of these tests."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with QuietServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def real(body: str, *hosts: str) -> str:
    result = play(body, http="real", http_hosts=hosts)
    return said(result)[0]


def test_a_real_request_reaches_a_listed_host_as_voxengine(server: str) -> None:
    assert real(f"Net.httpRequest('http://{server}/', show);", server).startswith(
        "200 VoxEngine/1.0"
    )
    host = server.partition(":")[0]
    assert real(f"Net.httpRequest('http://{server}/', show);", host).startswith("200 ")


def test_a_host_that_is_not_listed_is_not_contacted(server: str) -> None:
    assert real(f"Net.httpRequest('http://{server}/', show);", "other.example").startswith("-3")
    assert real(f"Net.httpRequest('http://{server}/away', show);", server).startswith("-3")


def test_a_real_request_takes_its_real_time_up_to_its_timeout(server: str) -> None:
    slow = f"Net.httpRequest('http://{server}/slow', show, {{timeout: 0.2}});"
    assert real(slow, server).split() == ["-7", "0.2"]
    code, _, seconds = real(slow.replace("0.2", "5"), server).split()
    assert code == "200"
    assert 0.6 <= float(seconds) < 2


def test_real_trouble_has_the_platforms_codes(server: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
        assert real(f"Net.httpRequest('http://{closed}/', show);", closed).startswith("-4")
    assert real("Net.httpRequest('nonsense', show);", "nonsense").startswith("-2")
    assert real(f"Net.httpRequest('http://{server}/large', show);", server).startswith("-9")
    host = "no-such-host.invalid"
    assert real(f"Net.httpRequest('http://{host}/', show);", host).startswith("-3")
