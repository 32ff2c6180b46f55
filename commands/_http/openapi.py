"""The API's OpenAPI 3.1 description, made from the operations' own types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from commands._http.conditions import HEADER, is_its_own, subject
from commands._http.routes import Exposed
from commands._operation import Operation, always_200
from state.records import Record
from state.references import reference_fields

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ERRORS = {
    "400": "The request is malformed.",
    "401": "A valid token is needed.",
    "403": "The token's role is too small, or the origin foreign.",
    "404": "There is no such record.",
    "409": "The state does not allow it.",
    "412": "The record is not as the If-Match says.",
    "422": "The input can't be right.",
    "default": "Another error.",
}
_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request sent again with the same key is done once, and answered the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_MATCH: Schema = {
    "name": HEADER,
    "in": "header",
    "description": "Do it only if the record still has this ETag, which GET gives.",
    "schema": {"type": "string"},
}
_ETAG: Schema = {"ETag": {"description": "Of the record itself, for If-Match.", "schema": {"type": "string"}}}
_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `hint` says what to do next.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "exitCode": {"type": ["integer", "null"], "description": "The command's, where it has one."},
    },
    "required": ["type", "title", "status", "detail", "code", "hint", "exitCode"],
}


def document(operations: Sequence[Exposed], version: str) -> Schema:
    inputs, input_parts = _schemas([each.operation.params for each in operations], "Input")
    results, result_parts = _schemas([each.operation.result_type() for each in operations], "")
    paths: dict[str, Schema] = {}
    for each, given, result in zip(operations, inputs, results, strict=True):
        params = input_parts[given["$ref"].rpartition("/")[2]]
        paths.setdefault(each.operation.path, {})[each.operation.method.lower()] = {
            "operationId": each.name,
            "summary": each.summary,
            "tags": [each.operation.path.split("/")[1]],
            "x-refactory-role": each.operation.role,
            **_input(each.operation, params),
            "responses": {**_results(each.operation, result), **_problems()},
        }
    own = {f"{each.operation.params.__name__}Input" for each in operations}
    parts = {name: part for name, part in input_parts.items() if name not in own}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Refactory", "version": version, "license": {"name": "MIT", "identifier": "MIT"}},
        "security": [{"token": []}],
        "paths": {**paths, **_own_paths()},
        "components": {
            "schemas": {**parts, **_as_viewed(result_parts), "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(types: list[Any], suffix: str) -> tuple[Sequence[Schema], dict[str, Schema]]:
    """What goes in and what comes out differ (defaults may be left out, keys are added), so do their names."""
    schemas, parts = msgspec.json.schema_components(types, ref_template=_REF + suffix)
    return schemas, {name + suffix: part for name, part in parts.items()}


def _as_viewed(parts: dict[str, Schema]) -> dict[str, Schema]:
    """Answers hold all keys but those that may be unset, and those that commands/_view.py adds."""
    records = {cls.__name__: cls for cls in _subclasses(Record)}
    for name, part in parts.items():
        properties = part.get("properties", {})
        unset = {key for key in properties if "default" not in properties[key]} - {*part.get("required", ())}
        if name in records:
            properties = {**_added(records[name], properties), **properties}
        if "properties" in part:
            part["properties"], part["required"] = properties, [key for key in properties if key not in unset]
    return parts


def _added(cls: type[Record], properties: Schema) -> Schema:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(cls)}
    added: Schema = {"id": {"type": "integer", "description": "The number in `key`."}}
    for reference in reference_fields(cls):
        name = names[reference]
        optional = {"type": "null"} in properties[name].get("anyOf", ())
        kind = ["integer", "null"] if optional else "integer"
        added[f"{name}Id"] = {"type": kind, "description": f"The number in `{name}`."}
    return added


def _subclasses(cls: type[Record]) -> list[type[Record]]:
    return [found for child in cls.__subclasses__() for found in (child, *_subclasses(child))]


def _input(operation: Operation[Any, Any], params: Schema) -> Schema:
    properties: Schema = params["properties"]
    in_path = [name for name in properties if f"{{{name}}}" in operation.path]
    rest = {name: schema for name, schema in properties.items() if name not in in_path}
    required = [name for name in params["required"] if name in rest]
    parameters = [_parameter(name, "path", properties[name], True) for name in in_path]
    if operation.method == "GET":
        asked = [_parameter(name, "query", schema, name in required) for name, schema in rest.items()]
        return {"parameters": parameters + asked}
    body = {"type": "object", "properties": rest, "required": required, "additionalProperties": False}
    return {
        "parameters": [*parameters, _KEY, *([_MATCH] if subject(operation) else [])],
        "requestBody": {"required": bool(required), "content": {"application/json": {"schema": body}}},
    }


def _parameter(name: str, where: str, schema: Schema, required: bool) -> Schema:
    """In a URL there is no null: a parameter is left out."""
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    if "anyOf" in schema:
        schema["anyOf"] = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    return {"name": name, "in": where, "required": required, "schema": schema}


def _results(operation: Operation[Any, Any], result: Schema) -> Schema:
    """Where an operation says which status a result has, it may be made or have been there."""
    answer: Schema = {"content": {"application/json": {"schema": result}}}
    if is_its_own(operation):
        answer["headers"] = _ETAG
    if operation.status is always_200:
        return {"200": {"description": "Done.", **answer}}
    location = {"Location": {"description": "The new record.", "schema": {"type": "string"}}}
    return {
        "200": {"description": "It was there already.", **answer},
        "201": {"description": "Made.", **answer, "headers": {**location, **_ETAG}},
    }


def _problems() -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {status: {"description": text, "content": content} for status, text in _ERRORS.items()}


def _own_paths() -> dict[str, Schema]:
    health = {
        "type": "object",
        "properties": {"status": {"const": "ok"}, "version": {"type": "string"}},
        "required": ["status", "version"],
    }
    return {
        "/healthz": {"get": {**_plain("healthz", "Whether the server answers.", health), "security": []}},
        "/openapi.json": {"get": _plain("openapi", "This description.", {"type": "object"})},
    }


def _plain(name: str, summary: str, schema: Schema) -> Schema:
    content = {"application/json": {"schema": schema}}
    responses = {"200": {"description": "Done.", "content": content}, **_problems()}
    return {"operationId": name, "summary": summary, "responses": responses}
