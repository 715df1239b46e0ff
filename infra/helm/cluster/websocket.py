"""A WebSocket client that is just enough for the tests: text messages, pings, and why a connection ended."""

import base64
import json
import os
import socket
import struct

TEXT, CLOSE, PING = 1, 8, 9


class Ended(ConnectionError):
    """The connection is over: close code, or 0 where it broke, and the reason."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """A connection."""

    def __init__(self, host, port, path, token, patience=5):
        self.socket = socket.create_connection((host, port), timeout=patience)
        # What has come and is not taken yet: a time-out may fall into the middle of a frame.
        self.come = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.come:
            self._more()
        head, self.come = self.come.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.splitlines()[0]:
            self.close()
            raise Ended(0, f"upgrade: {head.splitlines()[0]!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Lets go of it without a word."""
        self.socket.close()

    def send(self, message):
        """Sends an object."""
        self._frame(TEXT, json.dumps(message).encode())

    def receive(self):
        """The next object. Raises `Ended`, or `TimeoutError` where none comes."""
        while True:
            kind, payload = self._read()
            if kind == TEXT:
                return json.loads(payload)
            if kind == PING:
                self._frame(PING + 1, payload)
            elif kind == CLOSE:
                raise Ended(struct.unpack("!H", payload[:2])[0] if payload else 0, payload[2:].decode())

    def _frame(self, kind, payload):
        # Clients have to mask; a mask of zeros changes nothing.
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
        self.socket.sendall(bytes([0x80 | kind]) + length + b"\0\0\0\0" + payload)

    def _read(self):
        head = {126: 4, 127: 10}.get(self._ahead(2)[1], 2)
        start = self._ahead(head)
        length = start[1] if head == 2 else int.from_bytes(start[2:], "big")
        frame = self._ahead(head + length)
        self.come = self.come[len(frame) :]
        return start[0] & 0x0F, frame[head:]

    def _ahead(self, count):
        while len(self.come) < count:
            self._more()
        return self.come[:count]

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Ended(0, "the connection broke")
        self.come += data
