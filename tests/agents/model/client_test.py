from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from agents.model import errors
from agents.model.client import ModelClient, ModelSettings, Turn
from agents.model.http import retry_after
from agents.model.json_answer import first_object
from agents.model.settings import SHUT_DOWN, endpoint
from state.errors import RefactoryError, UsageError
from tests.model_server import USAGE, Fault, ModelServer

KEY = "sk-secret-of-the-test-1234"
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
RETRIES = 2
FAST: dict[str, Any] = {"backoff": 0.001, "retries": RETRIES, "timeout": 20.0}
Make = Callable[..., ModelClient]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def server(shared_server: ModelServer) -> ModelServer:
    shared_server.script = []
    shared_server.requests = []
    return shared_server


@pytest.fixture
def make(server: ModelServer) -> Iterator[Make]:
    made: list[ModelClient] = []

    def make(**changes: Any) -> ModelClient:
        settings = ModelSettings(**{"base_url": server.url, **FAST, **changes})
        made.append(ModelClient(settings))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(
    params=[(api, stream) for api in ("responses", "chat", "completions") for stream in (False, True)]
)
def dialect(request: pytest.FixtureRequest) -> dict[str, Any]:
    api, stream = request.param
    return {"api": api, "stream": stream}


@pytest.fixture(scope="module")
def shared_clients(shared_server: ModelServer) -> Iterator[dict[str, ModelClient]]:
    clients: dict[str, ModelClient] = {}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def client(
    dialect: dict[str, Any], server: ModelServer, shared_clients: dict[str, ModelClient]
) -> ModelClient:
    """One client for each dialect, kept from test to test as a process keeps it."""
    settings = ModelSettings(**{"base_url": server.url, **FAST, **dialect})
    return shared_clients.setdefault(str(dialect), ModelClient(settings))


def failure(client: ModelClient, kind: type[RefactoryError]) -> Any:
    with pytest.raises(kind) as caught:
        client.ask("Be brief.", "Hello?")
    assert type(caught.value) is kind
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value


def test_answers(client: ModelClient, server: ModelServer) -> None:
    text = "Grüße, 世界\r\n\ttab  \n" * 20
    server.script = [text]
    answer = client.ask("Be brief.", "Hello?")
    assert answer.text == text
    assert (answer.input_tokens, answer.output_tokens, answer.requests) == (*USAGE, 1)
    assert answer.model == ModelSettings().model
    (seen,) = server.requests
    assert seen.api == client.settings.api
    assert seen.text == "Be brief.\n\nHello?"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert bool(seen.body.get("stream")) == client.settings.stream


TRANSIENT = {
    "rate limit": (Fault(status=429, headers={"Retry-After": "0"}), errors.ModelRateLimited),
    "server error": (Fault(status=500), errors.ModelOverloaded),
    "overloaded": (Fault(status=529), errors.ModelOverloaded),
    "error in a 200": (Fault("abc" * 9, error="no capacity"), errors.ModelOverloaded),
    "limit in a 200": (Fault(error="slow down", code="rate_limit_exceeded"), errors.ModelRateLimited),
    "cut": (Fault("abc" * 99, cut=True), errors.ModelCut),
    "html": (Fault(body=b"<html>Sign in to the hotel's Wi-Fi</html>"), errors.ModelGarbage),
    "other json": (Fault(body=b'{"choices": [], "output": []}'), errors.ModelGarbage),
    "list": (Fault(body=b"[1, 2]"), errors.ModelGarbage),
    "wrong types": (
        Fault(body=b'data: {"choices": "x", "output": 1, "type": "response.completed"}\n\n'),
        errors.ModelGarbage,
    ),
    "deep": (Fault(body=b"data: " + b"[" * 200_000 + b"\n\n"), errors.ModelGarbage),
    "bad utf-8": (Fault(body=b'data: {"\xff\xfe"}\n\n'), errors.ModelGarbage),
    "no body": (Fault(body=b""), errors.ModelGarbage),
    "empty text": (Fault(""), errors.ModelGarbage),
    "blank text": (Fault(" \n "), errors.ModelGarbage),
}
FINAL = {
    "quota": (Fault(status=429, code="insufficient_quota"), errors.ModelQuotaExhausted),
    "truncated": (Fault("half an ans", truncated=True), errors.ModelTruncated),
    "refused": (Fault(refusal="I can't help with that"), errors.ModelRefused),
    "too long": (Fault(status=400, code="context_length_exceeded"), errors.ModelContextTooLong),
    "too long in words": (
        Fault(status=400, message="This model's maximum context length is 4096 tokens"),
        errors.ModelContextTooLong,
    ),
    "no such key": (Fault(status=401, message=f"Incorrect API key provided: {KEY}"), errors.ModelAuthFailed),
    "not allowed": (Fault(status=403), errors.ModelAuthFailed),
    "not found": (Fault(status=404), errors.ModelRejected),
    "bad request": (Fault(status=400), errors.ModelRejected),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_transient_faults_are_tried_again_until_the_retries_are_used_up(
    client: ModelClient, server: ModelServer, name: str
) -> None:
    fault, kind = TRANSIENT[name]
    server.script = [fault] * (RETRIES + 2)
    error = failure(client, kind)
    assert len(server.requests) == error.spent.requests == RETRIES + 1
    assert error.exit_code == 8


@pytest.mark.parametrize("name", TRANSIENT)
def test_one_transient_fault_is_survived(client: ModelClient, server: ModelServer, name: str) -> None:
    server.script = [TRANSIENT[name][0], "fine"]
    answer = client.ask("", "Hello?")
    assert (answer.text, answer.requests, len(server.requests)) == ("fine", 2, 2)


@pytest.mark.parametrize("name", FINAL)
def test_final_faults_are_not_tried_again(client: ModelClient, server: ModelServer, name: str) -> None:
    fault, kind = FINAL[name]
    server.script = [fault, "never asked for"]
    error = failure(client, kind)
    assert len(server.requests) == error.spent.requests == 1
    assert error.code == f"model_{error.kind}"


def test_a_stream_that_seems_to_end_properly_in_the_middle_is_cut(server: ModelServer, make: Make) -> None:
    for api in ("responses", "chat", "completions"):
        server.script = [Fault("abc" * 99, quiet_cut=True)]
        failure(make(api=api, stream=True, retries=0), errors.ModelCut)


def test_a_hanging_server_meets_the_time_out(
    dialect: dict[str, Any], server: ModelServer, make: Make
) -> None:
    server.script = [Fault(hang=True)] * 3
    failure(make(**dialect, timeout=0.15, retries=1), errors.ModelTimedOut)
    assert len(server.requests) == 2


def test_a_dripping_server_meets_the_time_out(
    dialect: dict[str, Any], server: ModelServer, make: Make
) -> None:
    """Each byte comes well within the time-out, but all of them would take a minute."""
    server.script = [Fault("abc" * 99, drip=0.05)]
    failure(make(**dialect, timeout=0.3, retries=0), errors.ModelTimedOut)
    assert len(server.requests) == 1


def test_an_enormous_answer_is_refused(client: ModelClient, server: ModelServer) -> None:
    server.script = [Fault("x", size=20_000_000)]
    failure(client, errors.ModelTooLarge)
    assert len(server.requests) == 1


def test_a_compressed_answer_is_refused(client: ModelClient, server: ModelServer) -> None:
    server.script = [Fault("x", headers={"Content-Encoding": "gzip"})]
    failure(client, errors.ModelTooLarge)


def test_nobody_listens(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = failure(make(base_url=f"http://127.0.0.1:{port}/v1"), errors.ModelUnreachable)
    assert error.spent.requests == RETRIES + 1


def test_tokens_of_failed_attempts_count(client: ModelClient, server: ModelServer) -> None:
    server.script = ["", "fine"]
    assert client.ask("", "Hello?").input_tokens == 2 * USAGE[0]
    server.script = [Fault("half", truncated=True)]
    error = failure(client, errors.ModelTruncated)
    assert (error.text, error.spent.output_tokens) == ("half", USAGE[1])


def test_retry_after_is_obeyed(server: ModelServer, make: Make) -> None:
    """A wait that no sane client would sit through fails at once, a short one is waited for."""
    server.script = [Fault(status=429, headers={"Retry-After": "86400"}), "too early"]
    error = failure(make(), errors.ModelRateLimited)
    assert (error.retry_after, len(server.requests)) == (86400, 1)
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    server.script = [Fault(status=503, headers={"Retry-After": past}), "fine"]
    assert make(backoff=0.0).ask("", "Hello?").text == "fine"


def test_retry_after_reads_seconds_and_dates() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert retry_after("17") == 17
    assert 3500 < (retry_after(in_an_hour) or 0) <= 3600
    assert [retry_after(text) for text in ("", "soon", "-5", "nan", "inf", "1e9")] == [None] * 6


def test_a_cancelled_request_ends_while_the_server_hangs(client: ModelClient, server: ModelServer) -> None:
    server.script = [Fault(hang=True)]
    with pytest.raises(errors.ModelCancelled) as caught:
        client.ask("", "Hello?", cancelled=lambda: bool(server.requests))
    assert (caught.value.exit_code, caught.value.spent.requests) == (130, 1)
    server.script = ["fine"]
    assert client.ask("", "Hello?", cancelled=lambda: False).text == "fine"


def test_a_pause_between_attempts_can_be_cancelled(server: ModelServer, make: Make) -> None:
    server.script = [Fault(status=500)]
    with pytest.raises(errors.ModelCancelled):
        make(backoff=50.0).ask("", "Hello?", cancelled=lambda: bool(server.requests))
    assert len(server.requests) == 1


def test_nothing_is_sent_when_cancelled_before(server: ModelServer, make: Make) -> None:
    with pytest.raises(errors.ModelCancelled):
        make().ask("", "Hello?", cancelled=lambda: True)
    assert server.requests == []


def test_threads_share_a_client(server: ModelServer, make: Make) -> None:
    client, gate = make(), threading.Barrier(8)
    server.script = lambda seen: f"to {seen.text}"
    answers: dict[str, str] = {}

    def ask(name: str) -> None:
        gate.wait()
        answers[name] = client.ask("", name).text

    threads = [threading.Thread(target=ask, args=[f"thread {number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {f"thread {number}": f"to thread {number}" for number in range(8)}


def test_conversations(client: ModelClient, server: ModelServer) -> None:
    server.script = ["fine"]
    client.ask("Be brief.", [Turn("user", "One?"), Turn("assistant", "1"), Turn("user", "Two?")])
    text = server.requests[0].text
    assert text.index("Be brief.") < text.index("One?") < text.index("1") < text.index("Two?")


def test_half_characters_from_a_damaged_file_can_be_sent(client: ModelClient, server: ModelServer) -> None:
    server.script = ["fine"]
    assert client.ask("", "caf\udce9").text == "fine"
    assert "caf?" in server.requests[0].text


def test_json(client: ModelClient, server: ModelServer) -> None:
    server.script = [{"a": 5}]
    value, answer = client.ask_json("Count.", "Apples?", SCHEMA, "count")
    assert (value, answer.requests) == ({"a": 5}, 1)
    body = server.requests[0].body
    wanted = {"name": "count", "schema": SCHEMA, "strict": True}
    if client.settings.api == "responses":
        assert body["text"]["format"] == {
            "type": "json_schema",
            "name": "count",
            "schema": SCHEMA,
            "strict": True,
        }
    elif client.settings.api == "chat":
        assert body["response_format"] == {"type": "json_schema", "json_schema": wanted}
    assert json.encode(SCHEMA).decode() in server.requests[0].text


def test_json_from_a_server_that_ignores_schemas(client: ModelClient, server: ModelServer) -> None:
    server.script = [
        "I'd rather not.",
        'Sure! {as you like}\n```json\n{"a": 6}\n```\nMore? {"a": 7}',
    ]
    value, answer = client.ask_json("Count.", "Apples?", SCHEMA, "count")
    assert (value, answer.requests) == ({"a": 6}, 2)


def test_json_from_a_server_that_refuses_schemas(server: ModelServer, make: Make) -> None:
    server.script = [Fault(status=400, message="response_format is not supported"), {"a": 8}]
    assert make(api="chat").ask_json("Count.", "Apples?", SCHEMA, "count")[0] == {"a": 8}
    assert "response_format" not in server.requests[1].body


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())), st.text(), st.text())
def test_the_first_object_is_found_in_any_words(value: dict[str, Any], before: str, after: str) -> None:
    assert first_object(before.replace("{", "") + json.encode(value).decode() + after) == value


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": NaN}', "{" * 100_000, '{"a":' * 100_000, '"{}'[:1]])
def test_no_object(text: str) -> None:
    with pytest.raises(errors.ModelGarbage):
        first_object(text)


@pytest.mark.parametrize("model", ["code-davinci-002", "code-cushman-001", "davinci", "text-davinci-003"])
def test_a_model_that_was_shut_down_is_explained(model: str) -> None:
    with pytest.raises(UsageError) as caught:
        ModelClient(ModelSettings(model=model)).ask("", "Hello?")
    assert model in caught.value.message and SHUT_DOWN[model] in caught.value.message
    assert ModelSettings().model in caught.value.hint and "config.yaml" in caught.value.hint


def test_a_server_of_ones_own_may_have_any_model(server: ModelServer, make: Make) -> None:
    server.script = ["return 1"]
    assert make(model="code-davinci-002", api="completions").ask("", "def one():").text == "return 1"
    assert server.requests[0].body["model"] == "code-davinci-002"


def test_auto_chooses_the_dialect(server: ModelServer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script = ["fine", "fine"]
    make().ask("", "Hello?")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    make(base_url=None).ask("", "Hello?")
    assert [seen.api for seen in server.requests] == ["chat", "chat"]
    for url in ("", "  ", "https://api.openai.com/v1", "https://eu.api.openai.com/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        found = endpoint(ModelSettings())
        assert (found.api, found.is_openai) == ("responses", True)
        assert found.url == (url.strip() or "https://api.openai.com/v1")


@pytest.mark.parametrize(
    "url", ["localhost:80", "ftp://a/v1", "http://", "http://a:b/", "https://[::1", "http://u:pw@:1"]
)
def test_a_base_url_that_cannot_be_one(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint(ModelSettings(base_url=url))
    assert "pw" not in str(caught.value)


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(errors.ModelAuthFailed, match="MY_KEY"):
        ModelClient(ModelSettings(api_key_env="MY_KEY")).ask("", "Hello?")


def test_the_loopback_needs_no_key(server: ModelServer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    server.script = ["fine"]
    assert make().ask("", "Hello?").text == "fine"


@pytest.mark.parametrize("key", ["sk-with\nnewline", "sk-münchen-1234"])
def test_a_damaged_key_is_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(errors.ModelAuthFailed) as caught:
        endpoint(ModelSettings())
    assert key[3:] not in str(caught.value)


def test_an_admin_key_is_never_sent(server: ModelServer, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-0123456789")
    server.script = ["fine"]
    make().ask("", "Hello?")
    assert "sk-admin" not in str(server.requests[0].headers)


def test_a_closed_client_can_be_used_again(server: ModelServer, make: Make) -> None:
    client = make()
    server.script = ["one", "two"]
    client.ask("", "Hello?")
    client.close()
    assert client.ask("", "Hello?").text == "two"


def test_a_program_that_ends_says_nothing(server: ModelServer) -> None:
    """Neither the loop nor half-read streams leave warnings on stderr."""
    code = """if True:
        import sys
        from agents.model.client import ModelClient, ModelSettings
        client = ModelClient(ModelSettings(base_url=sys.argv[1], stream=True, backoff=0))
        print(client.ask("", "Hello?").text)
        if sys.argv[2] == "close":
            client.close()
    """
    for ending in ("close", "leave"):
        server.script = [Fault("abc" * 99, cut=True), "fine"]
        command = [sys.executable, "-W", "default", "-c", code, server.url, ending]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("fine\n", "")


def test_importing_the_client_imports_nothing_heavy() -> None:
    heavy = {"openai", "httpx2", "tenacity", "pydantic", "asyncio"}
    code = f"import agents.model.client, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
