"""What is asked of a model, and how each dialect of the OpenAI API wants it said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from agents.model.settings import Api
from agents.model.tools import Body, Tool, Turn, chat_message, chat_tools, response_items, responses_tools

# Without it the legacy endpoint stops after 16 tokens; prompt and answer share a small window, so no more.
_COMPLETION_TOKENS = 2048


class Schema(Struct, frozen=True):
    name: str
    schema: dict[str, Any]


class Question(Struct, frozen=True):
    model: str
    instructions: str
    turns: tuple[Turn, ...]
    schema: Schema | None = None
    tools: tuple[Tool, ...] = ()
    enforce_schema: bool = True
    max_output_tokens: int | None = None
    stream: bool = False
    is_openai: bool = False


def _base(question: Question, tokens_name: str) -> Body:
    body: Body = {"model": question.model}
    if question.max_output_tokens:
        body[tokens_name] = question.max_output_tokens
    if question.stream:
        body["stream"] = True
    return body


def _usage_too(body: Body) -> Body:
    """Outside Responses a stream tells its tokens only when asked to."""
    return body | {"stream_options": {"include_usage": True}} if body.get("stream") else body


def _instructions(question: Question) -> str:
    """Other servers may ignore the schema without a word, so there it is said in words too."""
    if not question.schema or question.is_openai:
        return question.instructions
    schema = msgspec.json.encode(question.schema.schema).decode()
    return f"{question.instructions}\n\nAnswer with one JSON object that fits this JSON Schema:\n{schema}"


def _format(schema: Schema) -> Body:
    return {"name": schema.name, "schema": schema.schema, "strict": True}


def _responses_body(question: Question) -> Body:
    body = _base(question, "max_output_tokens")
    items = [item for turn in question.turns for item in response_items(turn)]
    body |= {"instructions": _instructions(question), "input": items, "store": False}
    if question.tools:
        body["tools"] = responses_tools(question.tools)
    if question.tools and question.is_openai:
        body["include"] = [
            "reasoning.encrypted_content"
        ]  # nothing is stored, so the next call brings it along
    if question.schema and question.enforce_schema:
        body["text"] = {"format": {"type": "json_schema", **_format(question.schema)}}
    return body


def _chat_body(question: Question) -> Body:
    # OpenAI's newer models refuse `max_tokens`; many other servers know nothing else.
    body = _base(question, "max_completion_tokens" if question.is_openai else "max_tokens")
    system = {"role": "system", "content": _instructions(question)}
    body["messages"] = ([system] if system["content"] else []) + [*map(chat_message, question.turns)]
    if question.tools:
        body["tools"] = chat_tools(question.tools)
    if question.schema and question.enforce_schema:
        body["response_format"] = {"type": "json_schema", "json_schema": _format(question.schema)}
    return _usage_too(body)


def _completions_body(question: Question) -> Body:
    parts = [_instructions(question)]
    if len(question.turns) == 1:
        parts.append(question.turns[0].text)
    else:
        parts += [f"{turn.role.title()}:\n{turn.text}" for turn in question.turns] + ["Assistant:\n"]
    prompt = "\n\n".join(filter(None, parts))
    return _usage_too({"max_tokens": _COMPLETION_TOKENS, "prompt": prompt} | _base(question, "max_tokens"))


# Per dialect: the path, and what makes the body.
REQUESTS: dict[Api, tuple[str, Callable[[Question], Body]]] = {
    "responses": ("/responses", _responses_body),
    "chat": ("/chat/completions", _chat_body),
    "completions": ("/completions", _completions_body),
}
