"""`accompany witness`: for an auditor, a partner or a funder, on a machine of their own, without a database server."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.console import err, out, refusals
from adapters.keys.key_file import KeyFileRefused, generate_secret, read_secret
from adapters.logs import start_logging
from adapters.serving import PortTaken
from adapters.witness.seen import Seen
from adapters.witness.server import WitnessServer
from audit.cosignature import Cosigner
from audit.note import Ed25519Verifier, VerifierKey

KEY = "witness.key"
MEMORY = "seen.sqlite"

witness = typer.Typer(help="Sign what you have seen of somebody's log, so that nobody is shown another history.")
Folder = Annotated[Path, typer.Option(help="Holds the witness's key and memory. Keep it, and back it up.")]
Name = Annotated[str, typer.Option(help="What the witness calls itself, best a host name of yours.")]


@witness.command("key")
def print_key(name: Name, folder: Folder = Path("accompany-witness")) -> None:
    """Print the witness's public key, for the log's policy file. The first call makes the key."""
    with refusals():
        out.print(str(_cosigner(folder, name).verifier_key), soft_wrap=True, highlight=False, markup=False)


@witness.command("serve")
def serve(
    name: Name,
    log: Annotated[list[str], typer.Option(help="A log's public key, from `accompany audit key`; may be given again.")],
    folder: Folder = Path("accompany-witness"),
    host: Annotated[str, typer.Option(help="Where to listen. Put a reverse proxy with TLS in front.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8018,
) -> None:
    """Answer logs that ask to have their checkpoints signed, until told to stop."""
    start_logging("info")
    with refusals():
        logs = [Ed25519Verifier(VerifierKey.parse(one)) for one in log]
        seen = Seen(folder / MEMORY, _cosigner(folder, name), logs)
        try:
            server = WitnessServer((host, port), seen)
        except OSError:
            raise PortTaken from None
    err.print(f"The witness answers on http://{host}:{server.server_address[1]}", highlight=False)
    with server:
        server.serve_forever(poll_interval=0.2)


def _cosigner(folder: Path, name: str) -> Cosigner:
    path = folder / KEY
    try:
        secret = read_secret(path)
    except FileNotFoundError:
        try:
            generate_secret(path)
            secret = read_secret(path)
        except OSError as error:
            raise KeyFileRefused(f"The key file {path} can't be made: {error.strerror}.") from None
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(secret))
