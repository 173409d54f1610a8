"""Tells people of an app's troubles: a webhook, e-mail, or both, never more often than they want to hear."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from email.message import EmailMessage
from urllib.parse import urlsplit

import aiohttp
import aiosmtplib

from proxy.config.notify import Notify
from proxy.core.alarms import Notice

log = logging.getLogger("tidegate.notify")

TRIES_SECONDS = (1.0, 5.0)  # pauses between tries
SEND_SECONDS = 15.0
LAST_SECONDS = 3.0  # at the end, which nobody should have to wait for
_SHOWN = 20  # notices in one message

Send = Callable[[], Awaitable[object]]


class Notifier:
    """Gathers notices; the first is sent at once, what follows within `pause_minutes` comes in one message."""

    def __init__(self, app: str, settings: Notify) -> None:
        self._app = app
        self.settings = settings
        self._waiting: list[Notice] = []
        self._some = asyncio.Event()

    def tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            log.warning("%s: %s", self._app, line(notice))
            if self.settings.wanted:
                self._waiting.append(notice)
                self._some.set()

    async def run(self) -> None:
        """Until cancelled; what waits then is sent in one last message."""
        try:
            while True:
                await self._some.wait()
                await self._send_waiting()
                await asyncio.sleep(self.settings.pause_minutes * 60)
        finally:
            if self._waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_SECONDS):
                        await self._send_waiting(tries=())

    async def _send_waiting(self, tries: tuple[float, ...] = TRIES_SECONDS) -> None:
        notices, self._waiting = self._waiting, []
        self._some.clear()
        subject, text = message(self._app, notices)
        async with asyncio.TaskGroup() as tasks:
            if self.settings.webhook:
                tasks.create_task(self._try(_post(self.settings, text), tries))
            if self.settings.email_to:
                tasks.create_task(self._try(_mail(self.settings, subject, text), tries))

    async def _try(self, send: Send, tries: tuple[float, ...]) -> None:
        for pause in (*tries, None):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send()
                return
            except Exception as error:  # whatever a server or a setting brings about, it must not end the serving
                problem = str(error) or type(error).__name__
            log.warning("%s: a notification was not sent: %s", self._app, problem)
            if pause is not None:
                await asyncio.sleep(pause)


class Refused(Exception):
    """The webhook's server did not take it."""


def message(app: str, notices: Sequence[Notice]) -> tuple[str, str]:
    """Subject and text."""
    first, more = notices[0], len(notices) - 1
    subject = f"tidegate: {app}: {first.kind}{' is over' if first.over else ''}" + (f" (+{more})" if more else "")
    lines = [line(notice) for notice in notices[:_SHOWN]]
    if len(notices) > _SHOWN:
        lines.append(f"… and {len(notices) - _SHOWN} more")
    return subject, "\n".join([f"tidegate: {app}", *lines])


def line(notice: Notice) -> str:
    return f"{'over: ' if notice.over else ''}{notice.kind}: {notice.text}"


def _post(settings: Notify, text: str) -> Send:
    """Slack's form of a message, which Mattermost, Rocket.Chat and others take too."""

    async def send() -> None:
        async with aiohttp.ClientSession() as session, session.post(settings.webhook, json={"text": text}) as answer:
            if not answer.ok:
                raise Refused(f"{urlsplit(settings.webhook).hostname} answered {answer.status} {answer.reason}")

    return send


def _mail(settings: Notify, subject: str, text: str) -> Send:
    async def send() -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = settings.email_from, ", ".join(settings.email_to), subject
        mail.set_content(text)
        await aiosmtplib.send(
            mail,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=os.environ.get(settings.smtp_password_env) if settings.smtp_password_env else None,
            use_tls=settings.smtp_security == "tls",
            start_tls={"starttls": True, "auto": None}.get(settings.smtp_security, False),
        )

    return send
