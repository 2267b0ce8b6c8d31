"""The body parser: makes a body of the bytes of a request, or says what is wrong with them."""

import json
import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from command_api.requests.body import RequestBody
from command_api.requests.fields import RequestRules
from domain.asset.description import DESCRIPTION_FIELDS
from infra.http.errors import MalformedForm, MalformedJson, RequestInvalid, UnsupportedMediaType
from infra.http.field_errors import body_errors
from infra.http.headers import announces_body, media_type_of

_Body = TypeVar("_Body", bound=RequestBody)

JSON = ("application/json",)
PATCH = ("application/merge-patch+json", "application/json")
_FILE = "file"
_LISTS = ("categories", *(field.name for field in DESCRIPTION_FIELDS if field.kind == "tags"))
_JSON_FIELDS = (
    *(field.name for field in DESCRIPTION_FIELDS if field.kind in ("json", "point")),
    "create_missing_categories",
)
_MAX_FIELDS = 200
_CHARSET = re.compile(r"""charset\*?\s*=[\s"']*([^\s"';]+)""", re.IGNORECASE)
_CHARSETS = ("utf-8", "utf8", "us-ascii", "iso-8859-1")


def media_type(request: Request) -> str:
    """Name what the body is said to be, without parameters."""
    return media_type_of(request.headers.get("content-type", ""))


async def read_json(
    request: Request,
    model: type[_Body],
    rules: RequestRules,
    *,
    media_types: Sequence[str] = JSON,
    empty: bytes = b"",
) -> _Body:
    """Read a JSON body; one of no bytes is read as ``empty``.

    One of another media type is not read at all. Raises UnsupportedMediaType, MalformedJson,
    RequestInvalid, BodyTooLarge.
    """
    if media_type(request) not in media_types and (announces_body(request.scope) or not empty):
        raise UnsupportedMediaType(f"send the body as {media_types[0]}")
    return parse_json(await request.body() or empty, model, rules)


def parse_json(text: bytes | str, model: type[_Body], rules: RequestRules) -> _Body:
    """Check JSON against a body's fields; raises MalformedJson, RequestInvalid."""
    try:
        return model.model_validate_json(text, context=rules)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise MalformedJson(f"the body is not JSON: {found[0]['ctx']['error']}") from None
        errors = body_errors(found)
        first = f"{errors[0]['pointer']}: {errors[0]['detail']}"
        raise RequestInvalid(first, errors=errors) from None


async def read_form(request: Request) -> FormData:
    """Read a multipart form; what is large lies in temporary files until the form is closed.

    Raises MalformedForm, BodyTooLarge.
    """
    named = _CHARSET.search(request.headers.get("content-type", ""))
    if named and named[1].lower() not in _CHARSETS:  # some codecs of Python's raise odd errors
        raise MalformedForm(f"the form must be in {_CHARSETS[0]}")
    try:
        return await request.form(max_files=1, max_fields=_MAX_FIELDS)
    except HTTPException as error:
        raise MalformedForm(f"the form cannot be read: {error.detail}") from None


def uploaded_file(form: FormData) -> UploadFile:
    """Find the file of a form; raises RequestInvalid."""
    file = form.get(_FILE)
    if not isinstance(file, UploadFile) or not file.size:
        detail = "send the picture's bytes in the field file"
        raise RequestInvalid(detail, errors=[{"detail": detail, "pointer": f"#/{_FILE}"}])
    return file


def form_fields(form: FormData, model: type[_Body], rules: RequestRules) -> _Body:
    """Check the fields beside the file as if they were JSON; lists are repeated fields.

    ``metadata`` and ``focal_point`` are JSON text. Raises MalformedForm, RequestInvalid.
    """
    fields: dict[str, object] = {}
    for name in form:
        values = [value for value in form.getlist(name) if isinstance(value, str)]
        if name == _FILE:
            continue
        if name in _LISTS:
            fields[name] = values
        elif len(values) != 1:
            raise MalformedForm(f"the field {name} must be given once, as text")
        else:
            fields[name] = _json_or_text(values[0]) if name in _JSON_FIELDS else values[0]
    return parse_json(json.dumps(fields), model, rules)


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # the field's own check says what it wants instead
