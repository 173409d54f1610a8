"""Notices over a real SMTP server and a real HTTP receiver."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from proxy.config.notify import Notify
from proxy.control import notifier as notifier_module
from proxy.control.notifier import Notifier
from proxy.core.alarms import Notice
from tests.e2e.running import running, write_app

START = Notice("failed start", "replica demo-1 did not start: exited with code 3")
READY = Notice("failed start", "a replica is ready", over=True)
DEADLINE_SECONDS = 20.0


class Mailbox:
    """What a mail server does with a message."""

    def __init__(self) -> None:
        self.mails: list[Any] = []  # email.message.EmailMessage

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


class Receiver:
    """A webhook: answers with the statuses it was given, then 200."""

    def __init__(self, *statuses: int) -> None:
        self.url = ""
        self.texts: list[str] = []
        self.came = asyncio.Event()
        self._statuses = list(statuses)

    async def take(self, request: web.Request) -> web.Response:
        self.texts.append((await request.json())["text"])
        self.came.set()
        return web.Response(status=self._statuses.pop(0) if self._statuses else 200)

    async def another(self) -> str:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await self.came.wait()
        self.came.clear()
        return self.texts[-1]


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def notifying(settings: Notify) -> AsyncIterator[Notifier]:
    one = Notifier("demo", settings)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(one.run())
        await asyncio.sleep(0)
        yield one
        running.cancel()


def test_a_webhook_gets_the_first_notice_at_once() -> None:
    async def check() -> None:
        async with receiving() as receiver, notifying(Notify(webhook=receiver.url)) as notifier:
            notifier.tell([START])
            assert (
                await receiver.another()
                == "tidegate: demo\nfailed start: replica demo-1 did not start: exited with code 3"
            )

    asyncio.run(check())


def test_what_follows_within_the_pause_comes_as_one_message() -> None:
    async def check() -> None:
        async with receiving() as receiver, notifying(Notify(webhook=receiver.url, pause_minutes=0.2 / 60)) as notifier:
            notifier.tell([START])
            await receiver.another()
            notifier.tell([READY])
            notifier.tell([START])
            assert (await receiver.another()).splitlines()[1:] == [
                "over: failed start: a replica is ready",
                "failed start: replica demo-1 did not start: exited with code 3",
            ]
            assert len(receiver.texts) == 2

    asyncio.run(check())


def test_a_webhook_that_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "TRIES_SECONDS", (0.0, 0.0))

    async def check() -> None:
        async with receiving(500, 503) as receiver, notifying(Notify(webhook=receiver.url)) as notifier:
            notifier.tell([START])
            for _ in range(3):
                await receiver.another()

    asyncio.run(check())


def test_a_webhook_that_is_not_there_costs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        async with notifying(Notify(webhook="http://127.0.0.1:1/")) as notifier:
            notifier.tell([START])
            async with asyncio.timeout(DEADLINE_SECONDS):
                while "a notification was not sent" not in caplog.text:
                    await asyncio.sleep(0.01)

    with suppress(asyncio.CancelledError):
        asyncio.run(check())


@asynccontextmanager
async def mail_server(**options: Any) -> AsyncIterator[tuple[Mailbox, int]]:
    """aiosmtpd's, and its port."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, loop=loop, hostname="localhost", **options), "127.0.0.1", 0)
    yield mailbox, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def by_mail(port: int, **more: Any) -> Notify:
    people = ("ops@example.org", "night@example.org")
    return Notify(email_to=people, email_from="tidegate@example.org", smtp_host="127.0.0.1", smtp_port=port, **more)


async def mailed(mailbox: Mailbox, settings: Notify) -> Any:
    async with notifying(settings) as notifier:
        notifier.tell([START])
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not mailbox.mails:
                await asyncio.sleep(0.01)
    return mailbox.mails[0]


def test_an_email_reaches_a_real_server() -> None:
    async def check() -> None:
        async with mail_server() as (mailbox, port):
            mail = await mailed(mailbox, by_mail(port))
            assert mail["Subject"] == "tidegate: demo: failed start"
            assert mail["To"] == "ops@example.org, night@example.org"
            assert "did not start: exited with code 3" in mail.get_content()

    asyncio.run(check())


def test_a_mail_server_may_ask_for_the_password_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "secret")

    logins: list[tuple[bytes, bytes]] = []

    def authenticate(*asked: Any) -> AuthResult:
        logins.append((asked[-1].login, asked[-1].password))
        return AuthResult(success=True, handled=True)

    async def check() -> None:
        async with mail_server(authenticator=authenticate, auth_require_tls=False) as (mailbox, port):
            await mailed(mailbox, by_mail(port, smtp_user="ops", smtp_password_env="MAIL_PASSWORD"))

    asyncio.run(check())
    assert logins == [(b"ops", b"secret")]


def test_an_app_that_cannot_start_is_told_to_its_webhook(tmp_path: Path) -> None:
    async def check() -> None:
        async with receiving() as receiver:
            toml = f'[tidegate.notify]\nwebhook = "{receiver.url}"\n[cerebrium.scaling]\nmin_replicas = 1\n'
            with running(write_app(tmp_path / "app", toml, entrypoint="sh -c 'echo no weights; exit 3'")):
                text = await receiver.another()
        assert text.startswith("tidegate: demo\nfailed start: replica demo-")
        assert "exited with code 3" in text

    asyncio.run(check())


def test_a_message_that_cannot_be_made_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        settings = Notify(webhook="http://127.0.0.1:1/", email_to=("a@b\u00e9",), email_from="x\ny@z", smtp_port=1)
        async with notifying(settings) as notifier:
            notifier.tell([START])
            async with asyncio.timeout(DEADLINE_SECONDS):
                while "a notification was not sent" not in caplog.text:
                    await asyncio.sleep(0.01)

    asyncio.run(check())
