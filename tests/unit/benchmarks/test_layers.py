import pytest

from benchmarks.layers import HTTP, SERVICES, STORE, WEB, layer_of

LOOP = "thread (7): MainThread;run (asyncio/runners.py:118)"
ASKED = f"{LOOP};run_asgi (uvicorn/protocols/http/httptools_impl.py:422)"
DOOR = f"{ASKED};HitDoor.__call__ (ringtrace/web/tracking.py:58)"


@pytest.mark.parametrize(
    ("stack", "layer"),
    [
        (LOOP, HTTP),
        (ASKED, HTTP),
        (DOOR, WEB),
        (f"{DOOR};send (uvicorn/protocols/http/httptools_impl.py:524)", HTTP),
        (f"{DOOR};_Corked.write (ringtrace/web/onewrite.py:31)", HTTP),
        (f"{DOOR};classify (ringtrace/domain/source.py:9);split (urllib/parse.py:4)", SERVICES),
        (f"{DOOR};submit (ringtrace/store/postgres/lane.py:99);set (asyncio/locks.py:1)", STORE),
        (f"{LOOP};_run (ringtrace/store/postgres/lane.py:1);lease (ringtrace/domain/leasing.py:9)",
         STORE),
        (f"{LOOP};data_received (asyncpg/protocol/protocol.py:9)", STORE),
    ],
)  # fmt: skip
def test_a_stack_belongs_to_the_innermost_layer_but_what_the_store_calls_to_it(
    stack: str, layer: str
) -> None:
    assert layer_of(stack) == layer
