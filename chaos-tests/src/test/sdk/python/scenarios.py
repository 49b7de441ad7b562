"""The scenarios of ../README.md with the Python SDK."""

import contextlib
import os
import re
import sys
import threading
import time
import traceback

from rocketmq.grpc_protocol import FilterType, TransactionResolution
from rocketmq.v5.client import ClientConfiguration, Credentials
from rocketmq.v5.consumer import (ConsumeResult, MessageListener, PushConsumer, SimpleConsumer)
from rocketmq.v5.model import FilterExpression, Message
from rocketmq.v5.producer import Producer, TransactionChecker

PATIENCE_SECONDS = 60
INVISIBLE_SECONDS = 30

ENDPOINTS, PREFIX = sys.argv[1:3]
TLS = sys.argv[3:] == ["tls"]


# What the scenarios are made of.

def check(holds, found):
    if not holds:
        raise AssertionError(found)


def configuration():
    return ClientConfiguration(ENDPOINTS, Credentials())


@contextlib.contextmanager
def started(client):
    client.startup()
    try:
        yield client
    finally:
        client.shutdown()


def producer(topics, checker=None):
    return started(Producer(configuration(), topics, checker=checker, tls_enable=TLS))


def simple(group, topic, expression=None):
    subscription = {topic: expression or FilterExpression()}
    return started(
        SimpleConsumer(configuration(), group, subscription, await_duration=5, tls_enable=TLS))


class Listener(MessageListener):
    def __init__(self, consume):
        self.consume_one = consume

    def consume(self, message):
        return self.consume_one(message)


def push(group, topics, consume):
    subscription = {topic: FilterExpression() for topic in topics}
    return started(
        PushConsumer(configuration(), group, Listener(consume), subscription, tls_enable=TLS))


def collect(got):
    def consume(message):
        got.append(message)
        return ConsumeResult.SUCCESS

    return consume


def message(topic, body, tag=None, key=None, group=None, due=None, priority=None, **properties):
    made = Message()
    made.topic = topic
    made.body = body.encode()
    if tag:
        made.tag = tag
    if key:
        made.keys = key
    if group:
        made.message_group = group
    if due:
        made.delivery_timestamp = due
    if priority is not None:
        made.priority = priority
    for name, value in properties.items():
        made.add_property(name, value)
    return made


def body(view):
    return view.body.decode()


def receive(consumer, count):
    """Receives and acknowledges until there are so many."""
    got = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(got) < count:
        check(time.monotonic() < deadline, f"got {len(got)} of {count}")
        for view in consumer.receive(16, INVISIBLE_SECONDS) or []:
            consumer.ack(view)
            got.append(view)
    return got


def check_nothing_more(consumer):
    # One poll lasts for as long as a poll may; its end shows that nothing came.
    more = consumer.receive(16, INVISIBLE_SECONDS) or []
    check(not more, f"more than expected: {[body(view) for view in more]}")


def await_bodies(got, bodies):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(got) < len(bodies) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    check_same(map(body, got), bodies)


def check_same(found, expected):
    found, expected = sorted(found), sorted(expected)
    check(found == expected, f"expected {expected}, found {found}")


# The scenarios; each returns what the SDK lacks for it, or nothing.

def normal():
    topic = f"{PREFIX}-normal"
    with producer([topic]) as sender, simple(topic, topic) as consumer:
        sent = [
            sender.send(message(topic, f"normal {i}", tag="t", key=f"k{i}", i=str(i))).message_id
            for i in range(20)]
        got = receive(consumer, 20)
        check_same([view.message_id for view in got], sent)
        for view in got:
            i = view.properties["i"]
            check(body(view) == f"normal {i}", body(view))
            check(view.tag == "t", f"tag {view.tag}")
            check(list(view.keys) == [f"k{i}"], f"keys {view.keys}")
            check(view.delivery_attempt == 1, f"attempt {view.delivery_attempt}")
        check_nothing_more(consumer)


def pushes():
    topic = f"{PREFIX}-push"
    got = []
    with producer([topic]) as sender, push(topic, [topic], collect(got)):
        bodies = [f"push {i}" for i in range(50)]
        for each in bodies:
            sender.send(message(topic, each))
        await_bodies(got, bodies)


def two_topics():
    topics = [f"{PREFIX}-two-topics", f"{PREFIX}-two-topics-2"]
    got = []
    with producer(topics) as sender, push(topics[0], topics, collect(got)):
        bodies = [f"{topics[i % 2]} {i}" for i in range(20)]
        for i, each in enumerate(bodies):
            sender.send(message(topics[i % 2], each))
        await_bodies(got, bodies)
        for view in got:
            check(body(view).startswith(f"{view.topic} "), f"{body(view)} in {view.topic}")


def fifo():
    topic = f"{PREFIX}-fifo"
    got = []
    with producer([topic]) as sender, push(topic, [topic], collect(got)):
        bodies = [f"group-{i % 3} {i // 3}" for i in range(30)]
        for each in bodies:
            sender.send(message(topic, each, group=each.split(" ")[0]))
        await_bodies(got, bodies)
        for group in range(3):
            order = [body(view) for view in got if view.message_group == f"group-{group}"]
            check(order == [f"group-{group} {i}" for i in range(10)], f"order {order}")


def delay():
    topic = f"{PREFIX}-delay"
    with producer([topic]) as sender, simple(topic, topic) as consumer:
        # The SDK takes whole seconds.
        due = int(time.time()) + 8
        sender.send(message(topic, "kept", due=due))
        recalled = sender.send(message(topic, "recalled", due=due))
        check(recalled.recall_handle, "no recall handle")
        found = sender.recall_message(topic, recalled.recall_handle)
        check(found == recalled.message_id, f"recalled {found}")
        got = receive(consumer, 1)
        check(body(got[0]) == "kept", body(got[0]))
        check(time.time() >= due, "delivered too early")
        check_nothing_more(consumer)


def transaction():
    topic = f"{PREFIX}-transaction"
    asked = []

    class Checker(TransactionChecker):
        def check(self, half):
            asked.append(body(half))
            return TransactionResolution.COMMIT

    with producer([topic], Checker()) as sender, simple(topic, topic) as consumer:
        committed = sender.begin_transaction()
        sender.send(message(topic, "committed"), committed)
        committed.commit()
        rolled_back = sender.begin_transaction()
        sender.send(message(topic, "rolled back"), rolled_back)
        rolled_back.rollback()
        sender.send(message(topic, "undecided"), sender.begin_transaction())
        check_same(map(body, receive(consumer, 2)), ["committed", "undecided"])
        check_same(set(asked), ["undecided"])
        check_nothing_more(consumer)


def once_there(run):
    """The first dead letter makes their topic, and nothing can be received of it before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return run()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def dlq():
    topic = f"{PREFIX}-dlq"
    attempts = []

    def fail(view):
        attempts.append(view.delivery_attempt)
        return ConsumeResult.FAILURE

    def receive_dead():
        with simple(f"{topic}-dead", f"%DLQ%{topic}") as dead:
            return receive(dead, 1)

    with producer([topic]) as sender, push(topic, [topic], fail):
        sender.send(message(topic, "doomed", p="v"))
        got = once_there(receive_dead)
        check(body(got[0]) == "doomed", body(got[0]))
        check(got[0].properties.get("p") == "v", "the property is lost")
        check(attempts == [1, 2], f"attempts {attempts}")


def filtered(scenario, expression, expected):
    """Sends a1 b2 c3 a4: tag and number of each message."""
    topic = f"{PREFIX}-{scenario}"
    with producer([topic]) as sender, simple(topic, topic, expression) as consumer:
        for each in ["a1", "b2", "c3", "a4"]:
            sender.send(message(topic, each, tag=each[0], n=each[1]))
        check_same(map(body, receive(consumer, len(expected))), expected)
        check_nothing_more(consumer)


def tag():
    filtered("tag", FilterExpression("a || b"), ["a1", "b2", "a4"])


def sql():
    expression = FilterExpression(
        "(TAGS = 'a' AND n > 1) OR n BETWEEN 2.5 AND 9", FilterType.SQL)
    filtered("sql", expression, ["c3", "a4"])


def priority():
    topic = f"{PREFIX}-priority"
    with producer([topic]) as sender, simple(topic, topic) as consumer:
        sender.send(message(topic, "urgent", priority=3))
        got = receive(consumer, 1)
        check(got[0].priority == 3, f"priority {got[0].priority}")


REPORTING = threading.Lock()


def report(name, scenario):
    start = time.monotonic()
    try:
        lacks = scenario()
        line = f"SKIP {name} {lacks}" if lacks else (
            f"PASS {name} {int((time.monotonic() - start) * 1000)}")
    except BaseException as failure:
        traceback.print_exc()
        line = re.sub(r"\s+", " ", f"FAIL {name} {failure!r}")
    # print() writes a line and its end apart, and another thread may come between.
    with REPORTING:
        print(line, flush=True)


if __name__ == "__main__":
    scenarios = {
        "normal": normal, "push": pushes, "two-topics": two_topics, "fifo": fifo, "delay": delay,
        "transaction": transaction, "dlq": dlq, "tag": tag, "sql": sql, "priority": priority}
    threads = [threading.Thread(target=report, args=each) for each in scenarios.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Clients leave threads behind that are no daemons.
    os._exit(0)
