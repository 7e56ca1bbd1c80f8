"""The schema registry, through the Confluent API (version 7) that Apicurio and others serve.

Only the enforcer writes here. Schemas are sent in one canonical form, so that a schema that went
through a file, a fact and back is still the same text and keeps its id.
"""

import json
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from sharebus import InvalidInput, Unavailable
from sharebus.infra.credentials import read_private
from sharebus.infra.settings import Settings
from sharebus.schemas.canonical import canonical_json

COMPATIBILITY: Final = "FULL_TRANSITIVE"
"""Compacted topics hold records of every schema version, so a new reader must read all old ones
(backward); systems of many agencies are never upgraded at one time, so an old reader must read all
new ones (forward)."""

_REASON_CHARS_MAX: Final = 500
_ATTEMPTS_MAX: Final = 4
_TIMEOUT_SECONDS: Final = 10.0
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422


class SchemaRegistry:
    """A client of the registry that the settings name; use it as a context.

    Every method raises Unavailable when the registry does not answer, after a few attempts.
    """

    def __init__(self, settings: Settings) -> None:
        auth = None
        if settings.registry_username:
            password_file = settings.registry_password_file
            password = (
                read_private(password_file, what="registry password") if password_file else ""
            )
            auth = httpx.BasicAuth(settings.registry_username, password.strip())
        self._url = settings.registry_url
        self._client = httpx.Client(
            base_url=settings.registry_url.rstrip("/") + "/",
            auth=auth,
            verify=_tls(settings),
            timeout=_TIMEOUT_SECONDS,
            headers={"Accept": _MEDIA_TYPE, "Content-Type": _MEDIA_TYPE},
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def register(
        self,
        subject: str,
        avro_schema: Mapping[str, Any],
        compatibility: str | None = COMPATIBILITY,
    ) -> int:
        """Register a schema under a subject and give its id; one that is there keeps its id.

        ``compatibility`` is what later versions of a new subject must keep; None leaves it to the
        registry.

        :raises InvalidInput: the schema contradicts an earlier version, or is no schema.
        """
        path = quote(subject, safe="")
        # Before the first version, so that no subject is ever without.
        if compatibility is not None and not self.versions(subject):
            self.set_compatibility(subject, compatibility)
        body = {"schema": canonical_json(avro_schema), "schemaType": "AVRO"}
        answer = self._send("POST", f"subjects/{path}/versions", body)
        return int(self._accepted(answer, subject)["id"])

    def id_of(self, subject: str, avro_schema: Mapping[str, Any]) -> int | None:
        """Id of exactly this schema under a subject; None when it is not registered there."""
        body = {"schema": canonical_json(avro_schema), "schemaType": "AVRO"}
        answer = self._send("POST", f"subjects/{quote(subject, safe='')}", body)
        if answer.status_code == _NOT_FOUND:
            return None
        return int(self._accepted(answer, subject)["id"])

    def check_compatible(self, subject: str, avro_schema: Mapping[str, Any]) -> None:
        """Ask whether the schema could be registered, without registering it.

        :raises InvalidInput: it contradicts an earlier version, or is no schema.
        """
        body = {"schema": canonical_json(avro_schema), "schemaType": "AVRO"}
        path = f"compatibility/subjects/{quote(subject, safe='')}/versions"
        answer = self._send("POST", path, body, {"verbose": "true"})
        if answer.status_code == _NOT_FOUND:  # a subject without versions is contradicted by none
            return
        verdict = self._accepted(answer, subject)
        if verdict["is_compatible"]:
            return
        if messages := verdict.get("messages"):
            raise _incompatible(subject, "; ".join(messages))
        # Apicurio keeps its reasons for the refusal itself, which is certain by now.
        self.register(subject, avro_schema, compatibility=None)

    def latest(self, subject: str) -> tuple[int, dict[str, Any]] | None:
        """Id and schema of the newest version of a subject; None when it has none."""
        answer = self._send("GET", f"subjects/{quote(subject, safe='')}/versions/latest")
        if answer.status_code == _NOT_FOUND:
            return None
        version = self._accepted(answer, subject)
        return int(version["id"]), json.loads(version["schema"])

    def by_id(self, schema_id: int) -> dict[str, Any]:
        """The schema with an id.

        :raises InvalidInput: there is none.
        """
        answer = self._send("GET", f"schemas/ids/{schema_id}")
        if answer.status_code == _NOT_FOUND:
            raise InvalidInput(
                "there is no schema with this id", where=self._url, found=str(schema_id)
            )
        schema: dict[str, Any] = json.loads(self._accepted(answer, f"id {schema_id}")["schema"])
        return schema

    def versions(self, subject: str) -> list[int]:
        """Version numbers of a subject; empty when it is not known."""
        answer = self._send("GET", f"subjects/{quote(subject, safe='')}/versions")
        if answer.status_code == _NOT_FOUND:
            return []
        return [int(version) for version in self._accepted(answer, subject)]

    def delete(self, subject: str) -> None:
        """Delete a subject with all its versions, for good; one that is not there is no error."""
        path = f"subjects/{quote(subject, safe='')}"
        for query in ({}, {"permanent": "true"}):
            answer = self._send("DELETE", path, query=query)
            if answer.status_code != _NOT_FOUND:
                self._accepted(answer, subject)

    def compatibility(self, subject: str) -> str | None:
        """What the versions of a subject must keep; None if it says nothing of its own."""
        answer = self._send("GET", f"config/{quote(subject, safe='')}")
        if answer.status_code == _NOT_FOUND:
            return None
        return str(self._accepted(answer, subject)["compatibilityLevel"])

    def set_compatibility(self, subject: str, level: str = COMPATIBILITY) -> None:
        """Say what the versions of a subject must keep."""
        path, config = f"config/{quote(subject, safe='')}", {"compatibility": level}
        answer = self._send("PUT", path, config)
        if answer.status_code == _CONFLICT:  # somebody else said it first, at the same time
            answer = self._send("PUT", path, config)
        self._accepted(answer, subject)

    def version_id(self, subject: str, version: int) -> int | None:
        """Id of one version of a subject; None if there is no such version."""
        answer = self._send("GET", f"subjects/{quote(subject, safe='')}/versions/{version}")
        if answer.status_code == _NOT_FOUND:
            return None
        return int(self._accepted(answer, subject)["id"])

    def subjects(self) -> list[str]:
        """All subjects."""
        return [str(name) for name in self._accepted(self._send("GET", "subjects"), "subjects")]

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        # Everything sent here may be repeated: registering the same text twice gives the same id.
        attempts = Retrying(
            stop=stop_after_attempt(_ATTEMPTS_MAX),
            wait=wait_exponential(multiplier=0.2, max=2),
            retry=retry_if_exception_type((httpx.TransportError, _ServerError)),
            reraise=True,
        )
        try:
            for attempt in attempts:
                with attempt:
                    answer = self._client.request(method, path, json=body, params=query)
                    if answer.is_server_error:
                        raise _ServerError(f"status {answer.status_code}: {_reason(answer)}")
        except (httpx.TransportError, _ServerError) as error:
            raise Unavailable(
                "The schema registry does not answer.", where=self._url, found=str(error)
            ) from error
        return answer

    def _accepted(self, answer: httpx.Response, subject: str) -> Any:
        if answer.is_success:
            return answer.json()
        if answer.status_code == _CONFLICT:
            raise _incompatible(subject, _reason(answer))
        if answer.status_code == _UNPROCESSABLE:
            raise InvalidInput(
                "The registry takes this for no Avro schema.",
                where=f"subject {subject}",
                found=_reason(answer),
            )
        raise Unavailable(
            "The schema registry refuses the request.",
            where=f"{self._url}, subject {subject}",
            found=f"status {answer.status_code}: {_reason(answer)}",
        )


class _ServerError(Exception):
    """The registry answered that it failed; worth another attempt."""


def _tls(settings: Settings) -> ssl.SSLContext | bool:
    if settings.registry_ca_file is None:
        return True
    return ssl.create_default_context(cafile=str(settings.registry_ca_file))


def _reason(answer: httpx.Response) -> str:
    try:
        message = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        message = answer.text
    return message.rpartition("Exception: ")[2][:_REASON_CHARS_MAX]


def _incompatible(subject: str, reason: str) -> InvalidInput:
    return InvalidInput(
        "The schema is not compatible with those registered before.",
        where=f"subject {subject}",
        expected=COMPATIBILITY
        + ": records of every version can be read with every other; a new field needs a default",
        found=reason,
    )
