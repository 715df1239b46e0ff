"""A connection to the live feed."""

import json
import struct

import websocket
from websocket import ABNF, WebSocketException, WebSocketTimeoutException


class Ended(ConnectionError):
    """The connection has ended: the close code, or 0 if it broke or never existed, and the reason."""

    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Live:
    """A connection that raises what sockets raise: `Ended`, or `TimeoutError` if nothing arrives."""

    def __init__(self, address, site, token, patience=5):
        url = f"ws://{address}:8000/ws/effluent?site={site}&wait=true"
        try:
            self.socket = websocket.create_connection(url, patience, header={"Authorization": f"Bearer {token}"})
        except WebSocketException as error:
            raise Ended(0, str(error)) from error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Drops it without a close frame."""
        self.socket.shutdown()

    def send(self, message):
        """Sends an object."""
        try:
            self.socket.send(json.dumps(message))
        except WebSocketException as error:
            raise Ended(0, str(error)) from error

    def receive(self, patience=None):
        """The next object."""
        if patience:
            self.socket.settimeout(patience)
        try:
            kind, data = self.socket.recv_data()
        except WebSocketTimeoutException as error:
            raise TimeoutError from error
        except WebSocketException as error:
            raise Ended(0, str(error)) from error
        if kind == ABNF.OPCODE_CLOSE:
            raise Ended(struct.unpack("!H", data[:2])[0] if data else 0, data[2:].decode())
        return json.loads(data)
