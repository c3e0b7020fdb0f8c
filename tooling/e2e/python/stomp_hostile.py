"""What clients do that are broken or mean no good, over raw sockets. Usage: stomp_hostile.py PORT FEW_PORT PID

PORT has a login deadline of a second, FEW_PORT lets in three connections, PID is the broker's process. Says "ok NAME" or
"failed NAME: why" for each scenario.
"""

import socket
import sys
import time

PORT, FEW_PORT, PID = (int(argument) for argument in sys.argv[1:4])
PATIENCE = 20
MIB = 1024 * 1024

SCENARIOS = []


def scenario(name):
    def register(function):
        SCENARIOS.append((name, function))
        return function

    return register


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def resident_mib():
    with open(f"/proc/{PID}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


class Peer:
    def __init__(self, port=PORT):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(PATIENCE)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def login(self):
        self.write("CONNECT\naccept-version:1.2\nhost:h\n\n\0")
        command, _, _ = self.frame()
        check(command == "CONNECTED", command)
        return self

    def send(self, destination, body, headers=""):
        self.write(f"SEND\ndestination:{destination}\n{headers}content-length:{len(body)}\n\n".encode() + body + b"\0")

    def settle(self, text):
        """Sends a frame that asks for the receipt "settled", and waits for it."""
        self.write(text)
        while True:
            command, headers, body = self.frame()
            check(command != "ERROR", body)
            if headers.get("receipt-id") == "settled":
                return

    def frame(self):
        """The next frame, as command, headers, body."""
        self.until(lambda: b"\n\n" in self.bytes.lstrip(b"\n"))
        self.bytes = self.bytes.lstrip(b"\n")
        head, rest = self.bytes.split(b"\n\n", 1)
        command, *lines = head.decode().split("\n")
        headers = dict(line.split(":", 1) for line in lines)
        start = len(self.bytes) - len(rest)
        if "content-length" in headers:
            end = start + int(headers["content-length"])
            self.until(lambda: len(self.bytes) > end)
        else:
            self.until(lambda: b"\0" in self.bytes[start:])
            end = self.bytes.index(b"\0", start)
        body = self.bytes[start:end]
        self.bytes = self.bytes[end + 1 :]
        return command, headers, body

    def until(self, arrived):
        while not arrived():
            data = self.socket.recv(MIB)
            check(data, f"closed; before that {self.bytes[:200]}")
            self.bytes += data

    def refused(self, code):
        """There is an ERROR with that code, and the end."""
        everything = self.bytes + self.rest()
        check(f"[{code}]".encode() in everything, everything[:300])

    def rest(self):
        """Everything until the broker closes the connection."""
        data = b""
        try:
            while True:
                more = self.socket.recv(MIB)
                if not more:
                    return data
                data += more
        except ConnectionError:
            return data


def serves_others():
    """Another client is answered without delay."""
    began = time.monotonic()
    with Peer() as peer:
        peer.login().settle("SEND\ndestination:/queue/others\npersistent:true\nreceipt:settled\n\nx\0")
    check(time.monotonic() - began < 5, "another client had to wait")


@scenario("who says nothing is disconnected at the deadline")
def _():
    with Peer() as peer:
        began = time.monotonic()
        peer.rest()
        check(0.5 < time.monotonic() - began < 10, "not at the deadline")


@scenario("a login that comes byte by byte is cut off at the deadline")
def _():
    with Peer() as peer:
        began = time.monotonic()
        try:
            for byte in b"CONNECT\naccept-version:1.2\nhost:" + b"h" * 1000:
                peer.write(bytes([byte]))
                time.sleep(0.05)
                check(time.monotonic() - began < 10, "still connected")
        except ConnectionError:
            pass
        serves_others()


def before_login(name, code, text):
    @scenario(name)
    def _():
        with Peer() as peer:
            try:
                peer.write(text)
            except ConnectionError:
                pass
            peer.refused(code)


before_login("a header without end is refused before the login", "BATON_FRAME_TOO_LARGE", "CONNECT\nlogin:" + "x" * 12_000)
before_login(
    "headers without end are refused before the login",
    "BATON_FRAME_TOO_LARGE",
    "CONNECT\n" + f"name:{'x' * 1000}\n" * 17,
)
before_login("too many headers are refused before the login", "BATON_PROTOCOL", "CONNECT\n" + "a:b\n" * 1001)
before_login(
    "a body that is announced too long is refused before the login",
    "BATON_FRAME_TOO_LARGE",
    "CONNECT\ncontent-length:50000000\n\n",
)
before_login("a body without end is refused before the login", "BATON_FRAME_TOO_LARGE", "CONNECT\n\n" + "x" * 17_000)


@scenario("who comes when all places are taken is sent away, and those inside are served")
def _():
    inside = [Peer(FEW_PORT).login() for _ in range(3)]
    with Peer(FEW_PORT) as late:
        check(late.rest() == b"", "one more was let in")
    for peer in inside:
        peer.settle("SEND\ndestination:/queue/inside\nreceipt:settled\n\nx\0")
        peer.socket.close()


@scenario("a hundred peers that never log in keep nobody out")
def _():
    idle = [Peer() for _ in range(100)]
    serves_others()
    for peer in idle:
        peer.socket.close()


@scenario("a consumer that stops reading takes bounded memory, and its queue is consumed by others")
def _():
    count, body = 6000, b"x" * 16_384
    with Peer() as stalled, Peer() as producer, Peer() as consumer:
        stalled.login().settle(
            "SUBSCRIBE\nid:0\ndestination:/queue/stalled\nack:client-individual\n"
            "activemq.prefetchSize:1000000\nreceipt:settled\n\n\0"
        )
        producer.login()
        consumer.login()
        before = resident_mib()
        for _ in range(count - 1):
            producer.send("/queue/stalled", body, "persistent:true\n")
        producer.settle("SEND\ndestination:/queue/stalled\npersistent:true\nreceipt:settled\n\nlast\0")
        grown = resident_mib() - before
        check(grown < 200, f"{count * len(body) / MIB:.0f} MiB were sent, and the broker grew by {grown:.0f} MiB")
        serves_others()
        consumer.write("SUBSCRIBE\nid:0\ndestination:/queue/stalled\n\n\0")
        received = 0
        is_stalled = True
        last = b""
        while last != b"last":
            _, _, last = consumer.frame()
            received += 1
            if is_stalled and received == 100:
                # What the stalled one had comes too, once it is gone.
                stalled.socket.close()
                is_stalled = False
        while received < count:
            consumer.frame()
            received += 1


@scenario("a client that does not read its receipts is not listened to any more")
def _():
    with Peer() as peer:
        peer.login()
        before = resident_mib()
        receipt = "r" * 8000
        sent = 0
        peer.socket.settimeout(3)
        try:
            while sent < 300 * MIB:
                frame = f"BEGIN\ntransaction:t\nreceipt:{receipt}\n\n\0ABORT\ntransaction:t\nreceipt:{receipt}\n\n\0"
                peer.write(frame)
                sent += len(frame)
            raise AssertionError("the broker took everything")
        except TimeoutError:
            pass
        grown = resident_mib() - before
        check(grown < 200, f"the broker grew by {grown:.0f} MiB")
        serves_others()


@scenario("a subscriber of a topic that stops reading does not keep messages from another one")
def _():
    count = 3000
    with Peer() as stalled, Peer() as reader, Peer() as producer:
        for peer in (stalled, reader):
            peer.login().settle("SUBSCRIBE\nid:0\ndestination:/topic/stalled\nreceipt:settled\n\n\0")
        producer.login()
        for number in range(count):
            producer.send("/topic/stalled", str(number).encode().ljust(4096))
            if number % 100 == 99:
                for expected in range(number - 99, number + 1):
                    _, _, body = reader.frame()
                    check(int(body) == expected, f"{expected} expected, got {body[:20]}")
        serves_others()


for name, function in SCENARIOS:
    try:
        function()
        print(f"ok {name}", flush=True)
    except Exception as error:  # One scenario that fails must not keep the others from being tried.
        print(f"failed {name}: {type(error).__name__} {error}", flush=True)
