"""Agencies (行政机关) and their systems."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from sharebus.governance.identity import RESERVED_AGENCIES, Id, SystemName
from sharebus.governance.role import OFFICES, Role

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
DivisionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""Six-digit administrative division code (GB/T 2260)."""
KeyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=1024)]
SignatureAlgorithm = Literal["ed25519", "sm2"]


class Strict(BaseModel):
    """Reviewed documents: frozen, and an unknown key is an error rather than a silent slip."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SystemRole(StrEnum):
    """What a system does on the bus."""

    PROVIDER = "provider"
    SUBSCRIBER = "subscriber"


class Officer(Strict):
    """The named responsible person of an agency or entry (指定专人, Order 171 Art 27)."""

    name: Text
    title: Text


class SigningKey(Strict):
    """A public key with which an agency signs its commands; ``public_key`` is in hexadecimal."""

    id: KeyId
    algorithm: SignatureAlgorithm
    public_key: Hex


class AgencySystem(Strict):
    """One system of an agency: one principal, one set of credentials."""

    id: Id
    name: Text
    roles: tuple[SystemRole, ...] = Field(min_length=1)


class Agency(Strict):
    """An agency: provider, subscriber, or both, known by its permanent code.

    ``code`` is a unified social credit code or a registered id; ``jurisdiction`` the division whose
    coordinating authority it answers to (Order 171 Art 4). ``offices`` are those that it holds
    there, and ``keys`` those whose signature makes a command its own.
    """

    kind: Literal["agency"] = "agency"
    id: Id
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z-]{6,30}$")]
    name: Text
    jurisdiction: DivisionCode
    officer: Officer
    systems: tuple[AgencySystem, ...]
    offices: tuple[Role, ...] = ()
    keys: tuple[SigningKey, ...] = ()
    suspended: bool = False
    left: bool = False
    """It is no longer on the bus, and so has no system; its code is never given to another."""

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value in RESERVED_AGENCIES:
            raise ValueError(f"'{value}' is a name of the platform; choose another")
        return value

    @field_validator("offices")
    @classmethod
    def _are_offices(cls, value: tuple[Role, ...]) -> tuple[Role, ...]:
        if not set(value) <= OFFICES:
            raise ValueError(f"an office is one of {', '.join(sorted(OFFICES))}")
        return value

    @model_validator(mode="after")
    def _keys_differ(self) -> "Agency":
        if len({key.id for key in self.keys}) != len(self.keys):
            raise ValueError("two keys of the agency have the same id")
        return self

    @model_validator(mode="after")
    def _has_systems_while_it_is_there(self) -> "Agency":
        if bool(self.systems) == self.left:
            raise ValueError("an agency has at least one system, and none when it has left")
        return self

    @model_validator(mode="after")
    def _systems_differ(self) -> "Agency":
        ids = [system.id for system in self.systems]
        if len(set(ids)) != len(ids):
            raise ValueError("two systems of the agency have the same id")
        return self

    def system_names(self, role: SystemRole | None = None) -> tuple[SystemName, ...]:
        """Names of the agency's systems, all or those with a role."""
        return tuple(
            SystemName(self.id, system.id)
            for system in self.systems
            if role is None or role in system.roles
        )
