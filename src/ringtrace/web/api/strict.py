"""Bodies are taken by their types: `"1"` is no number, `1` is not true, `"null"` is a text.

Litestar converts a body as it does a query, where all is text. Whoever sends a text for a number by
mistake would be understood by luck, and one who sends the text "null" as saying nothing.
"""

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import SerializationException

from ringtrace.services.errors import FieldInvalidError


async def read_strictly(request: Request[object, object, State]) -> None:
    """Before a handler that takes a body. Raises FieldInvalidError with the path of the field."""
    wanted = request.route_handler.parsed_data_field
    if wanted is None or not await request.body():
        return
    try:
        body = await request.json()
    except SerializationException:
        return  # what is no JSON, or nothing, is refused where it is read
    try:
        msgspec.convert(body, wanted.annotation, str_keys=True)
    except msgspec.ValidationError as error:
        raise FieldInvalidError.read(str(error)) from error
