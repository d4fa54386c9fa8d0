"""Writes with the package pgmq: WHAT SECONDS, where WHAT is send, read, archive or delete; 0 only makes the queue."""

import os
import sys
import time

from pgmq import PGMQueue
from pgmq.install import install_pgmq_from_sql
from psycopg_pool import ConnectionPool

what, seconds = sys.argv[1], float(sys.argv[2])
address = " ".join(f"{key}={os.environ['PG' + name]}" for key, name in (
    ("host", "HOST"), ("port", "PORT"), ("user", "USER"), ("dbname", "DATABASE")))
queue = PGMQueue(pool=ConnectionPool(address, min_size=1, max_size=1, open=True), init_extension=False)
if seconds == 0:
    install_pgmq_from_sql(dsn=address)
    queue.create_queue("orders")
end, count = time.monotonic() + seconds, 0
while time.monotonic() < end:
    if what == "send":
        queue.send_batch("orders", [{"n": count}, {"text": "é\u2028"}])
        try:
            with queue.pool.connection() as connection:
                queue.send("orders", {"n": -count}, conn=connection)
                if count % 5 == 0:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            pass
    else:
        ids = [message.msg_id for message in queue.read("orders", vt=1, qty=10) or []]
        if what == "archive" and ids:
            queue.archive_batch("orders", ids[::-1])
        if what == "delete" and ids:
            queue.delete_batch("orders", ids)
    count += 1
queue.pool.close()
print(f"{count} times {what}")
