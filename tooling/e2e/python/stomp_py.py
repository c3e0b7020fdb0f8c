"""What programs do with Debian's STOMP client for Python. Usage: stomp_py.py PORT

Says "ok NAME" or "failed NAME: why" for each scenario and version of the protocol.
"""

import queue
import sys

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

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.messages.put(frame)


class Client:
    def __init__(self, version):
        self.version = version
        self.connection = CONNECTIONS[version]([("127.0.0.1", PORT)])
        self.inbox = Inbox()
        self.connection.set_listener("", self.inbox)
        self.connection.connect(wait=True)

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


SCENARIOS = {
    "a message arrives as it was sent": exchange,
    "an ack is for all messages so far": acknowledging,
    "a transaction is seen if it is committed": transaction,
}

for name, scenario in SCENARIOS.items():
    for version in CONNECTIONS:
        try:
            scenario(version)
            print(f"ok {name} ({version})", flush=True)
        except BaseException as error:
            print(f"failed {name} ({version}): {type(error).__name__} {error}", flush=True)
