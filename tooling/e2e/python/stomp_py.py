"""What programs do with Debian's STOMP client for Python. Usage: stomp_py.py PORT

Says "ok NAME" or "failed NAME: why" for each scenario and version of the protocol.
"""

import queue
import sys
import time

import stomp

PORT = int(sys.argv[1])
PATIENCE = 10

CONNECTIONS = {
    "1.0": stomp.StompConnection10,
    "1.1": stomp.StompConnection11,
    "1.2": stomp.StompConnection12,
}


class Inbox(stomp.ConnectionListener):
    def __init__(self):
        self.messages = queue.Queue()
        self.receipts = queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def wait_for_messages(self, seconds=1):
        """Whether any came within that time."""
        deadline = time.monotonic() + seconds
        while self.messages.empty() and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self.messages.empty()

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.messages.put(frame)


class Client:
    def __init__(self, version, client_id=None):
        self.version = version
        self.connection = CONNECTIONS[version]([("127.0.0.1", PORT)])
        self.inbox = Inbox()
        self.connection.set_listener("", self.inbox)
        headers = {} if client_id is None else {"client-id": client_id}
        self.connection.connect(wait=True, headers=headers)

    def message(self):
        frame = self.inbox.messages.get(timeout=PATIENCE)
        assert frame.cmd == "MESSAGE", frame.body
        return frame

    def settle(self, act):
        act(receipt="settled")
        assert self.inbox.receipts.get(timeout=PATIENCE) == "settled"

    def subscribe(self, destination, ack="auto"):
        self.settle(lambda receipt: self.connection.subscribe(destination, id=1, ack=ack, headers={"receipt": receipt}))

    def ack(self, frame):
        if self.version == "1.2":
            self.connection.ack(frame.headers["ack"])
        elif self.version == "1.1":
            self.connection.ack(frame.headers["message-id"], 1)
        else:
            self.connection.ack(frame.headers["message-id"])


def exchange(version):
    client = Client(version)
    destination = f"/queue/py.exchange.{version}"
    client.subscribe(destination)
    client.connection.send(destination, "grüße €", headers={"key": "value"})
    frame = client.message()
    assert frame.body == "grüße €", frame.body
    assert frame.headers["key"] == "value", frame.headers
    client.connection.disconnect()


def acknowledging(version):
    client = Client(version)
    destination = f"/queue/py.ack.{version}"
    for body in ("one", "two", "three"):
        client.connection.send(destination, body)
    client.subscribe(destination, ack="client")
    frames = [client.message() for _ in range(3)]
    client.ack(frames[1])
    client.connection.disconnect()
    other = Client(version)
    other.subscribe(destination)
    assert other.message().body == "three"
    other.connection.disconnect()


def transaction(version):
    client = Client(version)
    destination = f"/queue/py.transaction.{version}"
    client.subscribe(destination)
    begun = client.connection.begin()
    client.connection.send(destination, "aborted", transaction=begun)
    client.connection.abort(begun)
    begun = client.connection.begin()
    client.connection.send(destination, "committed", transaction=begun)
    client.connection.commit(begun)
    assert client.message().body == "committed"
    client.connection.disconnect()


def rejecting(version):
    if version == "1.0":
        return  # It has no NACK.
    client = Client(version)
    destination = f"/queue/py.nack.{version}"
    client.connection.send(destination, "bad", headers={"persistent": "true"})
    client.subscribe(destination, ack="client-individual")
    frame = client.message()
    if version == "1.2":
        client.settle(lambda receipt: client.connection.nack(frame.headers["ack"], receipt=receipt))
    else:
        client.settle(lambda receipt: client.connection.nack(frame.headers["message-id"], 1, receipt=receipt))
    client.connection.disconnect()
    reader = Client(version)
    reader.subscribe("/queue/ActiveMQ.DLQ")
    letter = reader.message()
    assert letter.body == "bad", letter.body
    assert letter.headers["original-destination"] == destination, letter.headers
    reader.connection.disconnect()


def scheduling(version):
    client = Client(version)
    destination = f"/queue/py.later.{version}"
    client.subscribe(destination)
    client.connection.send(destination, "later", headers={"AMQ_SCHEDULED_DELAY": "300"})
    client.connection.send(destination, "now")
    assert [client.message().body, client.message().body] == ["now", "later"]
    client.connection.disconnect()


def grouping(version):
    sender, one, other = Client(version), Client(version), Client(version)
    destination = f"/queue/py.groups.{version}"
    one.subscribe(destination)
    other.subscribe(destination)
    for number in range(20):
        sender.connection.send(destination, str(number), headers={"JMSXGroupID": "g"})
    owner = one if one.inbox.wait_for_messages() else other
    assert [int(owner.message().body) for _ in range(20)] == list(range(20))
    assert (other if owner is one else one).inbox.messages.empty(), "a group at two consumers"
    for client in (sender, one, other):
        client.connection.disconnect()


def keeping(version):
    topic, durable = f"/topic/py.kept.{version}", {"activemq.subscriptionName": "kept", "receipt": "settled"}
    for body in (None, "while away"):
        client = Client(version, f"py-{version}")
        client.connection.subscribe(topic, id=1, ack="auto", headers=durable)
        assert client.inbox.receipts.get(timeout=PATIENCE) == "settled"
        if body is None:
            client.connection.disconnect()
            sender = Client(version)
            sender.settle(lambda receipt: sender.connection.send(topic, "while away", persistent="true", receipt=receipt))
            sender.connection.disconnect()
        else:
            assert client.message().body == body
            client.connection.disconnect()


SCENARIOS = {
    "a message arrives as it was sent": exchange,
    "an ack is for all messages so far": acknowledging,
    "a transaction is seen if it is committed": transaction,
    "a rejected message is a dead letter": rejecting,
    "a scheduled message comes when it is due": scheduling,
    "a message group is in order at one consumer": grouping,
    "a durable subscription keeps what comes meanwhile": keeping,
}

for name, scenario in SCENARIOS.items():
    for version in CONNECTIONS:
        try:
            scenario(version)
            print(f"ok {name} ({version})", flush=True)
        except BaseException as error:
            print(f"failed {name} ({version}): {type(error).__name__} {error}", flush=True)
