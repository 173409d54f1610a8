"""A replica's TCP played by hand over a TUN device, so that a test says when each packet comes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import subprocess
from dataclasses import dataclass

PROXY, REPLICA, PORT = "10.9.0.1", "10.9.0.2", 80
TUN = "/dev/net/tun"
# linux/if_tun.h
_SET_INTERFACE, _TUN_WITHOUT_HEADER = 0x400454CA, 0x0001 | 0x1000
_SEQUENCES = 1 << 32
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass
class Segment:
    port: int  # the proxy's
    sequence: int
    flags: int
    data: bytes


class TcpPeer:
    """Listens at REPLICA:PORT in the network namespace of the thread that makes it; `segments`: those that came."""

    def __init__(self) -> None:
        self.segments: asyncio.Queue[Segment] = asyncio.Queue()
        self._accepted: set[int] = set()
        self._tun = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._tun, _SET_INTERFACE, struct.pack("16sH14x", b"peer", _TUN_WITHOUT_HEADER))
        for command in (f"addr add {PROXY} peer {REPLICA} dev peer", "link set peer up", "link set lo up"):
            subprocess.run(["ip", *command.split()], check=True)
        asyncio.get_running_loop().add_reader(self._tun, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._tun)
        os.close(self._tun)

    def _read(self) -> None:
        packet = os.read(self._tun, 65_536)
        if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP:
            tcp = packet[(packet[0] & 15) * 4 :]
            port, _, sequence, _, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
            self.segments.put_nowait(Segment(port, sequence, flags, tcp[(offset >> 4) * 4 :]))

    def send(self, port: int, sequence: int, acknowledged: int, flags: int, data: bytes = b"") -> None:
        tcp = struct.pack("!HHIIBBHHH", PORT, port, sequence, acknowledged, 5 << 4, flags, 65_535, 0, 0) + data
        addresses = socket.inet_aton(REPLICA) + socket.inet_aton(PROXY)
        sum_ = _checksum(addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack("!H", sum_) + tcp[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
        os.write(self._tun, ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:] + tcp)

    async def accept(self) -> TcpConnection:
        """The next connection; one that was accepted may have been asked for again, later."""
        while not (syn := await self.segments.get()).flags & SYN or syn.port in self._accepted:
            pass
        self._accepted.add(syn.port)
        return TcpConnection(self, syn)


class TcpConnection:
    """One connection; nothing that comes is acknowledged unless the test says so."""

    def __init__(self, peer: TcpPeer, syn: Segment) -> None:
        self._peer, self._port = peer, syn.port
        self._sequence, self._taken = 1_000, (syn.sequence + 1) % _SEQUENCES
        self._send(SYN | ACK)
        self._sequence += 1

    async def request(self) -> Segment:
        """The next segment with data, which is not acknowledged yet."""
        while not self._new(segment := await self._peer.segments.get()):
            pass
        return segment

    def _new(self, segment: Segment) -> bool:
        """Not what the kernel has sent again because a busy machine answered late."""
        return bool(segment.data) and segment.port == self._port and segment.sequence == self._taken

    def acknowledge(self, segment: Segment) -> None:
        self._taken = (segment.sequence + len(segment.data)) % _SEQUENCES
        self._send(ACK)

    def answer(self, segment: Segment) -> None:
        self._taken = (segment.sequence + len(segment.data)) % _SEQUENCES
        data = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        self._send(ACK | PSH, data)
        self._sequence += len(data)

    def end(self) -> None:
        self._send(FIN | ACK)
        self._sequence += 1

    def reset(self) -> None:
        self._send(RST)

    def _send(self, flags: int, data: bytes = b"") -> None:
        self._peer.send(self._port, self._sequence, self._taken, flags, data)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
