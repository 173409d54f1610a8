"""tidegate keys: who may use apps with disable_auth = false."""

from __future__ import annotations

import json
import re
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxy.cli.remote import ADMIN_DEFAULT, Admin, AdminKey, AsJson, Document, Nobody, Remote
from proxy.cli.table import show
from proxy.core.key import ID_BYTES, PREFIX, SECRET_BYTES, hashed
from proxy.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from proxy.config.key_file import KeyFile, KeyRecord

_DAYS = {"d": 1.0, "h": 1 / 24, "m": 1 / 1440}
HEAD = ("ID", "NAME", "STATE", "REQUESTS", "LAST USED", "EXPIRES", "APPS", "AT ONCE", "PER SECOND", "CREATED")

keys = typer.Typer(name="keys", help="Make, list and revoke keys for apps with disable_auth = false.")
KEYS = typer.Option(
    "--keys", envvar="TIDEGATE_KEYS", metavar="FILE", help="The file of keys; by default in the state folder."
)
KeysOption = Annotated[Path | None, KEYS]
_APPS = typer.Option("--app", metavar="APP", help="An app that it opens; any number. By default all.")
_CONCURRENCY = typer.Option(min=1, help="Requests that it may have at once.", show_default="no limit")
_RATE = typer.Option("--rate", help="Requests per second that it may make.", show_default="no limit")
_BURST = typer.Option(min=1, help="Of these, how many at once.", show_default="one second's")
_EXPIRES = typer.Option(metavar="WHEN", help="A time such as 30d, 12h or 2027-01-31.", show_default="never")


@keys.command()
def add(  # noqa: PLR0913, PLR0917 - the options of a command are its parameters
    name: Annotated[str, typer.Argument(help="For people: whose it is.")] = "",
    apps: Annotated[list[str] | None, _APPS] = None,
    concurrency: Annotated[int | None, _CONCURRENCY] = None,
    rate: Annotated[float | None, _RATE] = None,
    burst: Annotated[int | None, _BURST] = None,
    expires: Annotated[str | None, _EXPIRES] = None,
    as_json: AsJson = False,
    file: KeysOption = None,
) -> None:
    """Make a key, and print it: this once, since only a hash of it is kept."""
    from proxy.config.key_file import KeyRecord

    for word in (name, *(apps or ())):
        if not word.isprintable():
            raise UserError(f"the name {word!a} must be printable text in UTF-8")
    if rate is not None and not 0 < rate < float("inf"):
        raise UserError(f"--rate is {rate:g}, but must be above 0")
    if burst is not None and rate is None:
        raise UserError("--burst needs --rate: it is how many requests of that rate may come at once")
    key_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    record = KeyRecord(
        id=key_id,
        name=name,
        sha256=hashed(secret.encode()).decode(),
        apps=tuple(apps or ()),
        concurrency=concurrency,
        requests_per_second=rate,
        burst=burst,
        created=_now(),
        expires=None if expires is None else _moment(expires, _now()),
    )
    with _file(file).changing() as records:
        records.append(record)
    text = f"{PREFIX.decode()}{key_id}_{secret}"
    typer.echo(json.dumps({"key": text, **_shown(record)}) if as_json else text)
    if sys.stdout.isatty() and not as_json:
        typer.echo("It is not shown again. Send it as  Authorization: Bearer KEY", err=True)


@keys.command("list")
def list_(
    as_json: AsJson = False, file: KeysOption = None, admin: Admin = ADMIN_DEFAULT, admin_key: AdminKey = ""
) -> None:
    """List the keys, and what a running `up` has seen of them; none of their secrets is known."""
    records = _file(file).read()
    uses = _uses(Remote(admin, admin_key), expected=admin != ADMIN_DEFAULT)
    if as_json:
        typer.echo(json.dumps([_shown(record) | {"use": uses.get(record.id)} for record in records], indent=2))
    else:
        show(HEAD, _rows(records, uses))
        for since in {use["since"] for use in uses.values()}:
            typer.echo(
                f"Requests are counted since {_day(datetime.fromisoformat(since))}, when `tidegate up` was started."
            )


@keys.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `tidegate keys list` shows it.")],
    as_json: AsJson = False,
    file: KeysOption = None,
) -> None:
    """Close apps to a key: a running `up` refuses it within a second."""
    with _file(file).changing() as records:
        index = _index(records, key)
        if records[index].revoked is None:
            records[index] = records[index].model_copy(update={"revoked": _now()})
        record = records[index]
    typer.echo(json.dumps(_shown(record)) if as_json else f"{record.id} is revoked")


def _file(path: Path | None) -> KeyFile:
    from proxy.config.key_file import KeyFile  # loads pydantic

    return KeyFile(path)


def _uses(remote: Remote, expected: bool) -> Mapping[str, Document]:
    """By id; none where no `up` runs, of which a word is said only if one was `expected`."""
    try:
        answer = remote.get("/api/keys")
    except UserError as error:
        if expected or not isinstance(error, Nobody):
            typer.echo(f"tidegate: when keys were used is not known: {error}", err=True)
        return {}
    return {use["id"]: {**use, "since": answer["since"]} for use in answer["keys"]}


def _index(records: Sequence[KeyRecord], key: str) -> int:
    """By id, else by a name that only one has which is not revoked."""
    if not key:  # an unset variable of a script, and no name of a key that has none
        raise UserError("ID|NAME is empty: give one that `tidegate keys list` shows")
    same = [index for index, record in enumerate(records) if record.id == key]
    named = [index for index, record in enumerate(records) if record.name == key and record.revoked is None]
    found = same or named
    if not found:
        raise UserError(f"there is no key {key}: `tidegate keys list` shows them")
    if len(found) > 1:
        ids = ", ".join(records[index].id for index in found)
        raise UserError(f"several keys are called {key}: name one of {ids}")
    return found[0]


def _moment(when: str, now: datetime) -> datetime:
    """Raises UserError for what is no time to come."""
    try:
        if span := re.fullmatch(r"(\d+(?:\.\d+)?)([dhm])", when):
            moment = now + timedelta(days=float(span[1]) * _DAYS[span[2]])
        else:
            moment = datetime.fromisoformat(when)
            moment = moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError):
        raise UserError(f"--expires is {when}, but must be a time such as 30d, 12h or 2027-01-31") from None
    if moment <= now:
        raise UserError(f"--expires is {when}, which is over already: choose a time to come")
    return moment


def _shown(record: KeyRecord) -> dict[str, object]:
    """All but the hash, with the state in a word."""
    return record.model_dump(mode="json", exclude={"sha256"}) | {"state": _state(record)}


def _state(record: KeyRecord) -> str:
    if record.revoked is not None:
        return "revoked"
    return "expired" if record.expires is not None and record.expires <= _now() else "valid"


def _rows(records: Sequence[KeyRecord], uses: Mapping[str, Document]) -> Iterator[tuple[str, ...]]:
    for record in records:
        rate = f"{record.requests_per_second:g}" if record.requests_per_second else "-"
        yield (
            record.id,
            record.name or "-",
            _state(record),
            *_used(uses.get(record.id)),
            _day(record.expires) if record.expires else "never",
            ", ".join(record.apps) or "all",
            str(record.concurrency or "-"),
            f"{rate} (burst {record.burst})" if record.burst else rate,
            _day(record.created),
        )


def _used(use: Document | None) -> tuple[str, str]:
    if use is None:
        return "-", "-"
    last = use["last_used_at"]
    return str(use["requests"]), _day(datetime.fromisoformat(last)) if last else "-"


def _day(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
