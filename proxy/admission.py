"""What opens the apps: the key ring that all share, each app's tokens, and the files that both come from."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from proxy.config import AppConfig
from proxy.config.key_file import KeyFile
from proxy.control.watched_files import LOOK_SECONDS, WatchedFiles
from proxy.errors import ConfigError
from proxy.net.keys import Keyring, Keys
from proxy.net.service import Service

log = logging.getLogger("tidegate")


class Admission:
    """`file`: that of the keys, which need not exist yet."""

    def __init__(self, file: Path | None) -> None:
        self._file = KeyFile(file)
        self._ring = Keyring()
        self.allowances = self._ring.allowances
        # The first look comes before the first reading: what changes in between is read twice.
        self._keys_watch = WatchedFiles([self._file.path], self._read_again)
        self._token_watches: dict[Service, WatchedFiles] = {}
        self._problem: ConfigError | None = None
        try:
            self._ring.take(self._file.read())
        except ConfigError as error:
            self._problem = error  # of nobody's if no app needs a key

    def keys_of(self, config: AppConfig) -> Keys:
        """What opens this app. Raises ConfigError."""
        wanted = config.auth.jwt.wanted
        if config.deployment.disable_auth:
            if wanted:
                log.warning(
                    "%s: tidegate.auth.jwt has no effect while cerebrium.deployment.disable_auth is true", config.file
                )
            return Keys(config.name, self._ring)
        if self._problem is not None:
            raise self._problem
        if not wanted:
            self._warn_if_closed(config)
            return Keys(config.name, self._ring)
        from proxy.net.tokens import JwtTokens

        return Keys(config.name, self._ring, JwtTokens(config.auth.jwt, config.file))

    def open(self, service: Service, keys: Keys) -> None:
        """These open it from now on."""
        service.keys = keys
        self.close(service)
        if keys.tokens is not None and keys.tokens.file is not None:
            self._token_watches[service] = WatchedFiles([keys.tokens.file], keys.tokens.load)

    def close(self, service: Service) -> None:
        """It needs no keys that could change any more."""
        self._token_watches.pop(service, None)

    async def run(self) -> None:
        """Read again what has changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        self._keys_watch.look()
        for watch in self._token_watches.values():
            watch.look()

    def _warn_if_closed(self, config: AppConfig) -> None:
        if not self._ring.opens(config.name):
            log.warning(
                "no key opens app %s: make one with `tidegate keys add`, which is for the file %s unless --keys says "
                "otherwise",
                config.name,
                self._file.path,
            )

    def _read_again(self) -> None:
        """Raises ConfigError: a file that is gone may be on its way back, and opens nothing less."""
        if not self._file.path.exists():
            raise ConfigError(f"{self._file.path}: the file of keys is gone: bring it back, or revoke keys one by one")
        self._ring.take(self._file.read())
        self._problem = None
