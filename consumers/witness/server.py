"""The witness over HTTP, byte for byte as C2SP tlog-witness has it."""

from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from sharebus import SharebusError
from sharebus.consumers.witness.witness import OtherSize, UnknownLog, Witness
from sharebus.ledger.errors import Malformed, Unproven, Untrusted
from sharebus.ledger.note import NOTE_BYTES_MAX

_TEXT: Final = "text/plain; charset=utf-8"
SIZE_TYPE: Final = "text/x.tlog.size"
REQUEST_BYTES_MAX: Final = NOTE_BYTES_MAX + 4096
"""A note, and the 63 hashes that a proof may have."""
_STATUS: Final[dict[type[SharebusError], int]] = {
    Malformed: 400, Untrusted: 403, UnknownLog: 404, OtherSize: 409, Unproven: 422,
}  # fmt: skip


def witness_server(witness: Witness) -> FastAPI:
    """``POST /add-checkpoint``, and ``GET /<SHA-256 of the origin>/checkpoint`` to read."""
    app = FastAPI(title="sharebus witness", openapi_url=None)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        cosignature = await run_in_threadpool(witness.add_checkpoint, await _body(request))
        return Response(cosignature.line(), media_type=_TEXT)

    @app.get("/{origin_sha256}/checkpoint")
    def checkpoint(origin_sha256: str) -> Response:
        return Response(witness.latest(origin_sha256), media_type=_TEXT)

    for kind in _STATUS:
        app.add_exception_handler(kind, _answer)
    return app


async def _body(request: Request) -> bytes:
    """The body, but no more of it than a request may have."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES_MAX:
            raise Malformed("the request is too large", expected=f"{REQUEST_BYTES_MAX} bytes")
    return bytes(body)


def _answer(_request: Request, error: Exception) -> Response:
    if isinstance(error, OtherSize):
        return Response(b"%d\n" % error.size, 409, {"content-type": SIZE_TYPE})
    status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
    return Response(f"{error}\n", status, media_type=_TEXT)
