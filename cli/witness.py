"""``sharebus witness``: cosigns the checkpoints of logs, for an agency that watches them."""

import ipaddress
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from sharebus import InvalidInput
from sharebus.cli.output import print_line, print_note
from sharebus.infra.credentials import read_private
from sharebus.infra.embedded.secrets import write_private
from sharebus.infra.log_policy import read_policy
from sharebus.infra.settings import endpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.keys import signer_key

_SEED_BYTES: Final = 32
_CONNECTIONS_MAX: Final = 100

_KeyFile = Annotated[
    Path, typer.Option("--key", help="File of the witness's private key.", metavar="FILE")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    group = typer.Typer(
        no_args_is_help=True, help="A witness of logs: cosigns what only ever grew."
    )
    group.command("key", epilog="Example:  sharebus witness key nb-audit.example/w1 --key w1.key")(
        _key
    )
    group.command(
        "run",
        epilog="Example:  sharebus witness run --key w1.key --logs logs.policy --state w1.sqlite",
    )(_run)
    app.add_typer(group, name="witness")


def _key(
    name: Annotated[
        str, typer.Argument(help="Name of the witness: a URL without scheme.", metavar="NAME")
    ],
    key_file: _KeyFile,
) -> None:
    """Make a private key, unless FILE holds one, and print its verifier key.

    The verifier key goes into the policy files of those who trust this witness. A key serves one
    witness, and a witness one state file.
    """
    if not key_file.exists():
        write_private(key_file, f"{signer_key(name, secrets.token_bytes(_SEED_BYTES))}\n".encode())
    cosigner = _cosigner(key_file)
    if cosigner.key.name != name:
        raise InvalidInput(
            "The file holds the key of another witness.",
            where=str(key_file), expected=name, found=cosigner.key.name,
        )  # fmt: skip
    print_line(cosigner.key.vkey())


def _run(
    key_file: _KeyFile,
    logs: Annotated[
        Path,
        typer.Option(
            "--logs", help="Policy file (C2SP tlog-policy): its log lines.", metavar="FILE"
        ),
    ],
    state: Annotated[
        Path, typer.Option("--state", help="Where it remembers what it cosigned.", metavar="FILE")
    ],
    bind: Annotated[
        str, typer.Option("--bind", help="Address to listen on.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port.")] = 18088,
) -> None:
    """Answer `POST /add-checkpoint` until it is stopped.

    It speaks plain HTTP: to be reached from elsewhere it needs a proxy with a certificate in front.
    Never give it an older copy of its state file: it would cosign a second history.
    """
    # Imported here: every other command does without a web server.
    import uvicorn

    from sharebus.consumers.witness.server import witness_server
    from sharebus.consumers.witness.store import WitnessStore
    from sharebus.consumers.witness.witness import Witness

    _check_address(bind)
    cosigner = _cosigner(key_file)
    keys = [log.key for log in read_policy(logs).logs]
    if not keys:
        raise InvalidInput("The policy file names no log.", where=str(logs), expected="log VKEY")
    app = witness_server(Witness(cosigner, keys, WitnessStore(state)))
    print_note(f"{cosigner.key.vkey()} witnesses {', '.join(key.name for key in keys)}")
    print_note(f"at http://{endpoint(bind, port)}")
    uvicorn.run(
        app, host=bind, port=port, access_log=False, log_level="warning",
        limit_concurrency=_CONNECTIONS_MAX,
    )  # fmt: skip


def _cosigner(key_file: Path) -> Cosigner:
    return Cosigner.from_text(read_private(key_file, what="private key of the witness").strip())


def _check_address(bind: str) -> None:
    try:
        ipaddress.ip_address(bind)
    except ValueError as error:
        raise InvalidInput("not an address to listen on", where="--bind", found=bind) from error
