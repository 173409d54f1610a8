"""[tidegate.auth]: what opens an app besides keys, where disable_auth is false."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from proxy.config.table import Number, Table, Text, Whole, written


class Jwt(Table):
    """Signed tokens (RFC 7519): HS256 with a secret, from an environment variable of the proxy or a file, or RS256
    with the public keys of a JWKS file. Files are relative to the app's folder.

    `concurrency`, `requests_per_second` and `burst` are what each subject may use; 0 is no limit.
    """

    secret_env: Text = ""
    secret_file: Text = ""
    jwks_file: Text = ""
    issuer: Text = ""
    audience: Text = ""
    leeway_seconds: Number = Field(default=10, ge=0)
    concurrency: Whole = Field(default=0, ge=0)
    requests_per_second: Number = Field(default=0, ge=0)
    burst: Whole = Field(default=0, ge=0)

    @property
    def wanted(self) -> bool:
        return bool(self.secret_env or self.secret_file or self.jwks_file)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(map(bool, (self.secret_env, self.secret_file, self.jwks_file))) > 1:
            raise ValueError("must have one of secret_env, secret_file and jwks_file")
        if not self.wanted and self.model_fields_set:
            raise ValueError("must come with secret_env, secret_file or jwks_file")
        if self.burst and not self.requests_per_second:
            raise ValueError("must have requests_per_second where it has burst")
        return self


class Auth(Table):
    """`forward_authorization`: replicas of an app with keys get the client's Authorization field, too."""

    forward_authorization: bool = False
    jwt: Jwt = written({})
