"""Clients that follow a site whatever happens to their connections, and one that publishes meanwhile."""

import contextlib
import http.client
import itertools
import json
import threading
import time

from kubernetes import ask
from live import Ended, Live

SITE = "plant"


class Follower(threading.Thread):
    """A client that reconnects with `after`, and records what it received and how long it was away."""

    def __init__(self, address, token):
        super().__init__(daemon=True)
        self.address, self.token = address, token
        self.events, self.away, self.codes = [], [], []
        self.head = None
        self.subscribed, self.stopped = threading.Event(), threading.Event()
        self.failure = None

    def run(self):
        lost_at = None
        while not self.stopped.is_set():
            try:
                connection = self._connect()
                if lost_at is not None:
                    self.away.append(time.monotonic() - lost_at)
                self._follow(connection)
            except Ended as end:
                self.codes.append(end.code)
                lost_at = time.monotonic() if self.subscribed.is_set() and end.code else lost_at
            except OSError:
                pass
            except AssertionError as failure:
                self.failure = failure
                return
            time.sleep(0.1)

    def _connect(self):
        """A connection that has resumed where the previous one ended."""
        connection = Live(self.address, SITE, self.token, patience=1)
        after = {} if self.head is None else {"after": self.head}
        connection.send({"type": "subscribe", "site": SITE} | after)
        answer = connection.receive()
        assert answer["type"] == "subscribed" and "lost" not in answer and "reset" not in answer, answer
        self.head = answer["seq"] if self.head is None else self.head
        self.subscribed.set()
        return connection

    def _follow(self, connection):
        with connection:
            while not self.stopped.is_set():
                try:
                    event = connection.receive()
                except TimeoutError:
                    continue
                assert event["seq"] == self.head + 1, f"a gap or a repeat behind {self.head}: {event}"
                self.head = event["seq"]
                self.events.append(event)

    def stop(self):
        """Ends it. Raises any error it has found."""
        self.stopped.set()
        self.join(timeout=10)
        if self.failure:
            raise self.failure


class Publisher(threading.Thread):
    """Publishes numbered readings, twenty a second, and every half second posts a numbered file until it is accepted."""

    def __init__(self, address, token):
        super().__init__(daemon=True)
        self.address, self.token = address, token
        self.published, self.posted, self.retries = 0, [], 0
        self.stopped = threading.Event()

    def run(self):
        connection = None
        for number in itertools.count():
            try:
                connection = connection or Live(self.address, SITE, self.token)
                connection.send({"time": number, "species": "SO4", "concentration": 1})
                self.published += 1
                self._listen(connection, 0.05)
            except OSError:
                connection = connection and connection.close()
            if number % 10 == 0:
                self._post(number)
            if self.stopped.is_set():
                return connection and connection.close()

    def _listen(self, connection, seconds):
        """Reads until the connection ends."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                connection.receive(left)

    def _post(self, number):
        """Posts a file of one row, again and again until it is accepted."""
        row = f"time,species,concentration\n{number},Zn,1\n".encode()
        while not self.stopped.is_set():
            try:
                status, answer = ask(self.address, f"/api/ingest?site={SITE}", self.token, row)
                if status == 200:
                    self.posted.append(json.loads(answer)["id"])
                    return
            except (OSError, http.client.HTTPException):
                pass
            self.retries += 1
            time.sleep(0.1)

    def stop(self):
        """Ends it."""
        self.stopped.set()
        self.join(timeout=10)
