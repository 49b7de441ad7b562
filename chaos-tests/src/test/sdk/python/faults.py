"""The program of ../README.md that goes on while brokers die, with the Python SDK."""

import os
import re
import sys
import threading
import time

from rocketmq.grpc_protocol import TransactionResolution
from rocketmq.v5.client import ClientConfiguration, Credentials
from rocketmq.v5.consumer import ConsumeResult, MessageListener, PushConsumer, SimpleConsumer
from rocketmq.v5.model import FilterExpression, Message
from rocketmq.v5.producer import Producer, TransactionChecker

ENDPOINTS, PREFIX = sys.argv[1:3]
TLS = sys.argv[3:] == ["tls"]
MESSAGE_GROUPS = 4
INVISIBLE_SECONDS = 15

stopping = threading.Event()
lines = threading.Lock()


def say(*words):
    with lines:
        print("\t".join(map(str, words)), flush=True)


def millis():
    return int(time.time() * 1000)


def call(kind, key, do):
    """Tells what came of it; None if it failed."""
    began = millis()
    try:
        result = do()
        say("call", kind, key, began, millis() - began, "ok")
        return result
    except Exception as failure:
        told = re.sub(r"\s+", " ", repr(failure))
        say("call", kind, key, began, millis() - began, told)
        return None


def configuration():
    return ClientConfiguration(ENDPOINTS, Credentials())


def topic(lane):
    return f"{PREFIX}-{lane}"


def message(lane, key, group=None, due=None):
    made = Message()
    made.topic = topic(lane)
    made.body = key.encode()
    if group:
        made.message_group = group
    if due:
        made.delivery_timestamp = due
    return made


def producer(lane, checker=None):
    made = Producer(configuration(), [topic(lane)], checker=checker, tls_enable=TLS)
    made.startup()
    return made


def every(seconds, do):
    number = 0
    while not stopping.is_set():
        do(number)
        number += 1
        stopping.wait(seconds)


def normal(sender):
    def one(number):
        key = f"normal-{number}"
        call("send-normal", key, lambda: sender.send(message("normal", key)))

    every(0.05, one)


def fifo(sender):
    def one(number):
        group = f"fifo-{number % MESSAGE_GROUPS}"
        key = f"{group}-{number // MESSAGE_GROUPS}"
        call("send-fifo", key, lambda: sender.send(message("fifo", key, group=group)))

    every(0.05, one)


def delay(sender):
    def one(number):
        recalls = number % 5 == 4
        key = f"recall-{number}" if recalls else f"delay-{number}"
        # The SDK takes whole seconds.
        due = int(time.time()) + (30 if recalls else 3)
        receipt = call("send-delay", key, lambda: sender.send(message("delay", key, due=due)))
        if receipt and recalls:
            call("recall", key, lambda: sender.recall_message(topic("delay"), receipt.recall_handle))

    every(0.2, one)


class Commits(TransactionChecker):
    def check(self, half):
        return TransactionResolution.COMMIT


def transaction(sender):
    def one(number):
        key = f"transaction-{number}"
        begun = sender.begin_transaction()
        if call("send-transaction", key, lambda: sender.send(message("transaction", key), begun)):
            call("commit", key, begun.commit)

    every(0.2, one)


class Listener(MessageListener):
    def consume(self, view):
        say("got", "push", view.body.decode(), millis())
        return ConsumeResult.SUCCESS


def start_push():
    lanes = ["normal", "delay", "transaction"]
    subscription = {topic(lane): FilterExpression() for lane in lanes}
    PushConsumer(
        configuration(), f"{PREFIX}-push", Listener(), subscription, tls_enable=TLS).startup()


def start_simple():
    consumer = SimpleConsumer(
        configuration(), f"{PREFIX}-fifo", {topic("fifo"): FilterExpression()}, await_duration=5,
        tls_enable=TLS)
    consumer.startup()
    return consumer


def consume(consumer):
    while True:
        began = millis()
        try:
            views = consumer.receive(16, INVISIBLE_SECONDS) or []
        except Exception as failure:
            told = re.sub(r"\s+", " ", repr(failure))
            say("call", "receive", "-", began, millis() - began, told)
            continue
        for view in views:
            key = view.body.decode()
            say("got", "simple", key, millis())
            call("ack", key, lambda: consumer.ack(view))


def main():
    lanes = [
        (normal, producer("normal")), (fifo, producer("fifo")), (delay, producer("delay")),
        (transaction, producer("transaction", Commits()))]
    start_push()
    threading.Thread(target=consume, args=[start_simple()], daemon=True).start()
    threads = [threading.Thread(target=lane, args=[sender]) for lane, sender in lanes]
    for thread in threads:
        thread.start()
    say("open")
    sys.stdin.readline()
    stopping.set()
    for thread in threads:
        thread.join()
    say("stopped")
    sys.stdin.readline()
    # Clients leave threads behind that are no daemons.
    os._exit(0)


if __name__ == "__main__":
    main()
