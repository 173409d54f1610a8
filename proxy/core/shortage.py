"""What a call can fail with because this machine or this process has no more of something."""

from __future__ import annotations

import errno
from typing import Final

# connect(2): no file descriptor, no memory or no port is left here. That says nothing about the other side.
SHORTAGES: Final = frozenset(
    (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN)
)
