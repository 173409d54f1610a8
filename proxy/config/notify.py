"""[tidegate.notify]: who is told when an app is in trouble."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from proxy.config.table import Number, Table, Text, Whole, Words


class Notify(Table):
    """A webhook, e-mail, or both; neither is nobody. `smtp_password_env` names an environment variable of the proxy.

    `queue_length` and `max_replicas_minutes` are when a long line and a full app are told of; 0 is never.
    """

    webhook: Text = Field(default="", repr=False)  # whoever knows it may post there
    email_to: Words = ()
    email_from: Text = ""
    smtp_host: Text = "localhost"
    smtp_port: Whole = Field(default=25, ge=1, le=65535)
    smtp_security: Literal["auto", "starttls", "tls", "none"] = "auto"
    smtp_user: Text = ""
    smtp_password_env: Text = ""
    queue_length: Whole = Field(default=0, ge=0)
    max_replicas_minutes: Number = Field(default=10, ge=0)
    pause_minutes: Number = Field(default=5, ge=0)

    @property
    def wanted(self) -> bool:
        return bool(self.webhook or self.email_to)

    @field_validator("webhook")
    @classmethod
    def _an_address(cls, webhook: str) -> str:
        if webhook and not re.fullmatch(r"https?://[^\s/]+\S*", webhook):
            raise ValueError('must be an address that begins with "http://" or "https://"')
        return webhook

    @field_validator("email_to")
    @classmethod
    def _mail_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            if not re.fullmatch(r"[^\s@,<>]+@[^\s@,<>]+", address):
                raise ValueError(f'must be addresses like "ops@example.org", not "{address}"')
        return addresses

    @model_validator(mode="after")
    def _a_sender(self) -> Self:
        if self.email_to and "@" not in self.email_from:
            raise ValueError('must have email_from, an address like "tidegate@example.org", where it has email_to')
        if bool(self.smtp_user) != bool(self.smtp_password_env):
            raise ValueError("must have smtp_user and smtp_password_env together")
        return self
