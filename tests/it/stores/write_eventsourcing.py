"""Writes with the recorders of the package eventsourcing: RECORDER (application, aggregate, dcb) SECONDS [make]; make makes the tables first."""

import os
import sys
import time
import uuid

from eventsourcing.application import Application
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.dcb.postgres_tt import PostgresTTDCBFactory
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment

recorder, seconds = sys.argv[1], float(sys.argv[2])
settings = {
    "PERSISTENCE_MODULE": "eventsourcing.postgres",
    "POSTGRES_DBNAME": os.environ["PGDATABASE"],
    "POSTGRES_HOST": os.environ["PGHOST"],
    "POSTGRES_PORT": os.environ["PGPORT"],
    "POSTGRES_USER": os.environ["PGUSER"],
    "POSTGRES_PASSWORD": "none",
    "CREATE_TABLE": "y" if "make" in sys.argv else "n",
}
refused = 0


class Dog(Aggregate):
    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name, self.tricks = name, []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


class Dogs(Application):
    pass


def application():
    """Two aggregates a transaction; every fourth one is refused, since its version is there."""
    global refused
    dog, other = Dog("Fido"), Dog("é\u2028")
    dog.add_trick("roll over")
    app.save(dog, other)
    stale = app.repository.get(dog.id)
    dog.add_trick("play dead")
    app.save(dog)
    try:
        stale.add_trick("fetch")
        app.save(stale)
    except IntegrityError:
        refused += 1


def aggregate():
    """Three versions of an aggregate a transaction; then one of them again."""
    global refused
    originator = uuid.uuid4()
    versions = [StoredEvent(originator, n, "topic", b"\x00state") for n in (1, 2, 3)]
    table.insert_events(versions)
    try:
        table.insert_events([StoredEvent(originator, 4, "topic", b""), versions[0]])
    except IntegrityError:
        refused += 1


def dcb():
    """Two events a transaction, then one on a condition that no longer holds."""
    global refused
    tag = str(uuid.uuid4())
    seen = DCBAppendCondition(DCBQuery([DCBQueryItem(types=["Opened"], tags=[tag])]))
    table.append([DCBEvent("Opened", b"\x00", [tag]), DCBEvent("Noted", b"x", [tag])], seen)
    try:
        table.append([DCBEvent("Opened", b"", [tag])], seen)
    except IntegrityError:
        refused += 1


if recorder == "application":
    app = Dogs(env=settings)
elif recorder == "aggregate":
    table = PostgresFactory(Environment(env=settings)).aggregate_recorder()
else:
    table = PostgresTTDCBFactory(Environment(env=settings)).dcb_recorder()
end = time.monotonic() + seconds
while time.monotonic() < end:
    globals()[recorder]()
print(f"{refused} refused")
