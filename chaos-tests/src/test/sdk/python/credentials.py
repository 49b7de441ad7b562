"""Sends with credentials that are right and wrong; see ../README.md."""

import os
import sys

from rocketmq.v5.client import ClientConfiguration, Credentials
from rocketmq.v5.model import Message
from rocketmq.v5.producer import Producer

ENDPOINTS, PREFIX, USER, SECRET = sys.argv[1:]
TOPIC = f"{PREFIX}-secrets"


def send(credentials):
    producer = Producer(ClientConfiguration(ENDPOINTS, credentials), [TOPIC])
    try:
        producer.startup()
        message = Message()
        message.topic = TOPIC
        message.body = b"secret"
        producer.send(message)
        return "SENT"
    except Exception as error:
        return f"REFUSED {error!r}".replace("\n", " ")


for name, credentials in [
        ("none", Credentials()),
        ("wrong-secret", Credentials(USER, SECRET + "x")),
        ("unknown-user", Credentials(USER + "x", SECRET)),
        ("right", Credentials(USER, SECRET))]:
    print(name, send(credentials), flush=True)
# Clients leave threads behind that are no daemons.
os._exit(0)
