"""Asks the witnesses of a policy to cosign a checkpoint: the log's side of C2SP tlog-witness.

All are asked at one time and none is waited for longer than :data:`WITNESS_SECONDS_MAX`. What they
answer is verified before it counts.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx

from sharebus import InvalidInput, NumbersDisagree, SharebusError, Unavailable
from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import cosigned_seconds
from sharebus.ledger.errors import Malformed, Untrusted
from sharebus.ledger.fields import decimal, shown
from sharebus.ledger.note import Note, Signature, parse_signature_lines
from sharebus.ledger.policy import CLOCK_SECONDS_FORGIVEN, Policy, Witness
from sharebus.ledger.witness_request import AddCheckpoint

WITNESS_SECONDS_MAX: Final = 1.0
_ANSWER_BYTES_MAX: Final = 64 * 1024
_ATTEMPTS: Final = 2
_SUBMIT: Final = "/add-checkpoint"
_CONFLICT: Final = 409
_UNPROVEN: Final = 422

Prove = Callable[[int, int], Sequence[bytes]]
"""The consistency proof from an old tree size to a new one."""


class Trouble(StrEnum):
    """Why there is no cosignature of a witness."""

    AWAY = "away"
    """No answer in time, or no connection: asked again with the next checkpoint."""
    REFUSED = "refused"
    """It does not know the log or its key, or answers what is no cosignature of its own."""
    CONTRADICTS = "contradicts"
    """It has cosigned a larger tree or another history: a person must look."""


@dataclass(frozen=True)
class Failure:
    """What went wrong with one witness."""

    trouble: Trouble
    message: str


@dataclass
class Collected:
    """The cosignatures, where each witness stands now, and what failed; by names of the policy."""

    signatures: dict[bytes, Signature] = field(default_factory=dict)
    sizes: dict[bytes, int] = field(default_factory=dict)
    failures: dict[bytes, Failure] = field(default_factory=dict)


class _Contradiction(NumbersDisagree):
    """The witness has seen another log than ours."""


def collect(
    note: Note,
    policy: Policy,
    old_sizes: Mapping[bytes, int],
    prove: Prove,
    seconds_max: float = WITNESS_SECONDS_MAX,
) -> Collected:
    """Ask each witness of the policy that has an address, in parallel.

    ``old_sizes`` says at which tree size each witness stands, as far as it is known; the answer's
    ``sizes`` are to be given the next time. A failure is reported, never raised.
    """
    collected = Collected(sizes=dict(old_sizes))
    asked = {name: witness for name, witness in policy.witnesses.items() if witness.url}
    if asked:
        asyncio.run(_collect(note, asked, prove, seconds_max, collected))
    return collected


async def _collect(
    note: Note,
    witnesses: Mapping[bytes, Witness],
    prove: Prove,
    seconds_max: float,
    collected: Collected,
) -> None:
    async with httpx.AsyncClient(timeout=seconds_max) as client:
        await asyncio.gather(
            *(
                _Submission(client, name, witness, note, prove, collected).run(seconds_max)
                for name, witness in witnesses.items()
            )
        )


class _Submission:
    """One checkpoint on its way to one witness."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: bytes,
        witness: Witness,
        note: Note,
        prove: Prove,
        collected: Collected,
    ) -> None:
        self._client = client
        self._name = name
        self._witness = witness
        self._note = note
        self._prove = prove
        self._collected = collected
        self._size = Checkpoint.parse(note.text).size

    async def run(self, seconds_max: float) -> None:
        """Leave a cosignature or a failure in what is collected."""
        try:
            async with asyncio.timeout(seconds_max):
                self._collected.signatures[self._name] = await self._ask()
            self._collected.sizes[self._name] = self._size
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            self._fail(Trouble.REFUSED, f"not an address: {error}")
        except (TimeoutError, httpx.TransportError, Unavailable) as error:
            self._fail(Trouble.AWAY, str(error) or f"no answer within {seconds_max:g} s")
        except _Contradiction as error:
            self._fail(Trouble.CONTRADICTS, str(error))
        except SharebusError as error:
            self._fail(Trouble.REFUSED, str(error))

    def _fail(self, trouble: Trouble, message: str) -> None:
        self._collected.failures[self._name] = Failure(trouble, message)

    async def _ask(self) -> Signature:
        """:raises SharebusError: the witness does not cosign."""
        for _ in range(_ATTEMPTS):
            old_size = min(self._collected.sizes.get(self._name, 0), self._size)
            proof = tuple(self._prove(old_size, self._size))
            status, body = await self._post(AddCheckpoint(old_size, proof, self._note).encode())
            if status == httpx.codes.OK:
                return self._verified(body)
            if status != _CONFLICT:
                raise _refusal(status, body)
            self._take_size(body)
        raise InvalidInput("the witness names one tree size and then another", found=shown(body))

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        url = self._witness.url.decode(errors="replace").rstrip("/") + _SUBMIT
        answer = bytearray()
        async with self._client.stream("POST", url, content=body) as response:
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > _ANSWER_BYTES_MAX:
                    raise Malformed("the answer of the witness is too large")
        return response.status_code, bytes(answer)

    def _take_size(self, body: bytes) -> None:
        """Where the witness says that it stands."""
        size = decimal(re.sub(rb"\n\Z", b"", body), "the tree size that the witness names")
        if size > self._size:
            raise _Contradiction(
                "the witness has cosigned a larger tree than we hold",
                expected=f"tree size {self._size} at most", found=f"tree size {size}",
            )  # fmt: skip
        self._collected.sizes[self._name] = size

    def _verified(self, body: bytes) -> Signature:
        """The witness's own cosignature in its answer; others are ignored."""
        key = self._witness.key
        answered = Note(self._note.text, parse_signature_lines(body))
        if not answered.signatures:
            raise Malformed("the witness answered no signature")
        cosignature = answered.verify([key])[-1]
        seconds = cosigned_seconds(cosignature)
        latest = int(time.time()) + CLOCK_SECONDS_FORGIVEN
        if not 0 < seconds <= latest:
            raise Untrusted(
                "the witness cosigned at a time that is not now",
                expected=f"at most {latest}", found=str(seconds),
            )  # fmt: skip
        return cosignature


def _refusal(status: int, body: bytes) -> SharebusError:
    found = f"HTTP status {status}: {shown(body)}"
    if status == _UNPROVEN:
        return _Contradiction("the witness has cosigned another history", found=found)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Unavailable("the witness fails", found=found)
    return InvalidInput("the witness refuses the checkpoint", found=found)
