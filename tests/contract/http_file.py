"""docs/api.http, made from the description: one request for each operation."""

from __future__ import annotations

import json
import re
from typing import Any

_HEAD = """# One request for each operation, for editors that send them (VS Code "REST
# Client", JetBrains). Made from both descriptions by tests/contract/test_api_docs.py.
# Fill in the first lines; docs/api.md says where tokens and keys come from.
@hub = http://127.0.0.1:8000
@token = eyJ
@key = sk_
"""
_NAMES = {"business": "bakery-nord", "user_email": "ana.silva%40example.org"}
_KNOWN = {"email": "ana.silva@example.org", "name": "Ana Silva"}
_WAYS = {
    "staffToken": "Authorization: Bearer {{token}}",
    "captureKey": "Authorization: Bearer {{key}}",
    "staffSession": "Cookie: sessionid={{session}}; csrftoken={{csrf}}",
}


def as_http(schema: dict[str, Any]) -> str:
    """Return the text of the file."""
    parts = [_HEAD]
    for path, item in sorted(schema["paths"].items()):
        for method, operation in sorted(item.items()):
            parts.append(_request(schema, method.upper(), path, operation))
    return "\n".join(parts)


def _request(
    schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]
) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda m: _NAMES.get(m[1], f"{{{{{m[1]}}}}}"), path)
    lines = [f"### {operation['summary']}", f"{method} {{{{hub}}}}{filled}"]
    ways = [name for each in operation["security"] for name in each]
    lines += [_WAYS[name] for name in ways if name in _WAYS][:1]
    if ways[:1] == ["staffSession"]:
        lines.append("X-CSRFToken: {{csrf}}")
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = _sample(schema, content["application/json"]["schema"])
        lines += ["Content-Type: application/json", "", json.dumps(body)]
    return "\n".join(lines) + "\n"


def _sample(schema: dict[str, Any], part: dict[str, Any], name: str = "") -> Any:
    """Return the smallest value that a schema takes; its form, not its meaning."""
    if "$ref" in part:
        target = part["$ref"].rpartition("/")[2]
        return _sample(schema, schema["components"]["schemas"][target], name)
    for word in ("oneOf", "anyOf"):
        if word in part and "properties" not in part:
            return _sample(schema, part[word][0], name)
    kinds = part.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        ways = part.get("anyOf") or part.get("oneOf") or [{}]
        needed = part.get("required") or ways[0].get("required", ())
        properties = part.get("properties", {})
        return {key: _sample(schema, properties[key], key) for key in needed}
    if "enum" in part:
        return part["enum"][0]
    samples = {"boolean": True, "integer": 1, "number": 1, "null": None}
    if kind == "array":
        return [_sample(schema, part["items"], name)] if part.get("minItems") else []
    return samples.get(kind, _text(part, name))


def _text(part: dict[str, Any], name: str) -> str:
    formats = {
        "email": "ana.silva@example.org",
        "uuid": "01a1ffc5-01c7-709f-a16d-326a35774431",
        "date-time": "2026-11-20T18:04:00Z",
        "date": "2026-11-20",
    }
    return formats.get(part.get("format", ""), _KNOWN.get(name, "text"))
