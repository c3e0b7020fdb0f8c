"""Checks a STOMP server against the rules of the specifications, one by one, over raw sockets.

Usage: stomp_conformance.py HOST PORT [SECONDS]

Says "ok RULE" or "failed RULE: what happened" for each rule, and nothing else. Knows no STOMP library, so that what is
sent is exactly what stands here.
"""

import socket
import sys
import time

ADDRESS = (sys.argv[1], int(sys.argv[2]))
PATIENCE = float(sys.argv[3]) if len(sys.argv) > 3 else 3.0
"""Seconds in which an answer must come."""
SILENCE = 0.3
"""Seconds after which an answer that must not come counts as not sent."""

RULES = []
RUN = format(int(time.time() * 1000), "x")
counter = 0


class Broken(Exception):
    """The server broke the rule."""


def rule(name):
    def register(function):
        RULES.append((name, function))
        return function

    return register


def each_version(name, versions=("1.0", "1.1", "1.2")):
    """One rule for each version, with the version as argument."""

    def register(function):
        for version in versions:
            RULES.append((f"{name} ({version})", lambda version=version: function(version)))
        return function

    return register


def check(condition, what):
    if not condition:
        raise Broken(what)


def queue():
    global counter
    counter += 1
    return f"/queue/conformance.{RUN}.{counter}"


class Frame:
    def __init__(self, command, headers, body):
        self.command = command
        self.headers = headers
        self.body = body

    def __repr__(self):
        return f"{self.command} {self.headers} {self.body[:80]}"


class Peer:
    """A client that writes bytes as it is told and reads frames by the letter."""

    def __init__(self, version=None, **headers):
        self.socket = socket.create_connection(ADDRESS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""
        self.frames = []
        self.line_ends = 0
        self.is_closed = False
        self.version = version
        self.receipts = 0
        if version is not None:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            self.send("CONNECT", {"accept-version": version, "host": "localhost", **named})
            self.connected = self.expect("CONNECTED")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def write(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def send(self, command, headers=None, body=b""):
        lines = "".join(f"{name}:{value}\n" for name, value in (headers or {}).items())
        self.write(f"{command}\n{lines}\n".encode() + body + b"\0")

    def settle(self, command, headers=None, body=b""):
        """Sends with a receipt, and waits for it."""
        self.receipts += 1
        receipt = f"receipt-{self.receipts}"
        self.send(command, {**(headers or {}), "receipt": receipt}, body)
        frame = self.next(lambda frame: frame.command in ("RECEIPT", "ERROR"))
        check(frame.command == "RECEIPT", f"{command} was refused: {frame}")
        check(frame.headers.get("receipt-id") == receipt, f"wrong receipt {frame}")

    def expect(self, command):
        frame = self.next(lambda frame: True)
        check(frame.command == command, f"{command} expected, got {frame}")
        return frame

    def message(self):
        frame = self.next(lambda frame: frame.command in ("MESSAGE", "ERROR"))
        check(frame.command == "MESSAGE", f"MESSAGE expected, got {frame}")
        return frame

    def error(self):
        return self.next(lambda frame: frame.command == "ERROR")

    def next(self, wanted, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            for index, frame in enumerate(self.frames):
                if wanted(frame):
                    return self.frames.pop(index)
            check(not self.is_closed, f"closed; before that {self.frames}")
            check(self.read(deadline), f"nothing came in time; there is {self.frames}")

    def nothing(self, command):
        """No such frame comes."""
        deadline = time.monotonic() + SILENCE
        while not self.is_closed and self.read(deadline):
            pass
        check(all(frame.command != command for frame in self.frames), f"got {self.frames}")

    def closed(self, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not self.is_closed:
            check(self.read(deadline), "the connection stays open")

    def read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except (socket.timeout, TimeoutError):
            return False
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return True
        self.bytes += data
        while self.cut():
            pass
        return True

    def cut(self):
        while self.bytes[:1] == b"\n":
            self.bytes = self.bytes[1:]
            self.line_ends += 1
        end = self.bytes.find(b"\n\n")
        if end < 0:
            return False
        command, *lines = self.bytes[:end].decode().split("\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(self.unescape(command, name), self.unescape(command, value))
        start = end + 2
        if "content-length" in headers:
            stop = start + int(headers["content-length"])
        else:
            stop = self.bytes.find(b"\0", start)
        if stop < 0 or stop >= len(self.bytes):
            return False
        check(self.bytes[stop] == 0, "a frame does not end with NUL")
        self.frames.append(Frame(command, headers, self.bytes[start:stop]))
        self.bytes = self.bytes[stop + 1 :]
        if self.bytes[:1] == b"\n":
            self.bytes = self.bytes[1:]
        return True

    def unescape(self, command, text):
        if command == "CONNECTED" or self.version in (None, "1.0"):
            return text
        escapes = {"n": "\n", "c": ":", "\\": "\\", **({"r": "\r"} if self.version == "1.2" else {})}
        plain = ""
        characters = iter(text)
        for character in characters:
            if character == "\\":
                letter = next(characters, "")
                check(letter in escapes, f"undefined escape sequence in {text!r}")
                plain += escapes[letter]
            else:
                plain += character
        return plain


def refused(peer, receipt=None):
    """The server answers with ERROR and closes, as 1.1 and 1.2 say it must."""
    frame = peer.error()
    check(frame.headers.get("message"), f"an ERROR without a message: {frame}")
    if receipt is not None:
        check(frame.headers.get("receipt-id") == receipt, f"an ERROR without its receipt-id: {frame}")
    peer.closed()


def subscribe(peer, destination, ack="auto", **headers):
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in headers.items()}
    peer.settle("SUBSCRIBE", {"id": "s", "destination": destination, "ack": ack, **named})


def ack_headers(peer, message):
    if peer.version == "1.2":
        return {"id": escape(peer, message.headers["ack"])}
    return {"message-id": escape(peer, message.headers["message-id"]), "subscription": "s"}


def escape(peer, text):
    if peer.version == "1.0":
        return text
    return text.replace("\\", "\\\\").replace(":", "\\c").replace("\n", "\\n")


def left_in(destination):
    """What a new consumer gets."""
    with Peer("1.1") as peer:
        subscribe(peer, destination, ack="client")
        bodies = []
        while True:
            try:
                bodies.append(peer.next(lambda frame: frame.command == "MESSAGE", SILENCE).body)
            except Broken:
                return bodies


# --- connecting


@rule("without accept-version 1.0 is spoken")
def _():
    with Peer() as peer:
        peer.send("CONNECT")
        check(peer.expect("CONNECTED").headers.get("version", "1.0") == "1.0", "another version")


@rule("the best common version is spoken")
def _():
    for accepted, version in (("1.0,1.1,1.2", "1.2"), ("1.0,1.1", "1.1"), ("1.2,7.0", "1.2")):
        with Peer() as peer:
            peer.send("CONNECT", {"accept-version": accepted, "host": "h"})
            got = peer.expect("CONNECTED").headers.get("version")
            check(got == version, f"of {accepted} it speaks {got}")


@rule("without a common version there is an ERROR that names the versions, and the end")
def _():
    with Peer() as peer:
        peer.send("CONNECT", {"accept-version": "9.9", "host": "h"})
        frame = peer.error()
        check("1.2" in frame.headers.get("version", ""), f"{frame}")
        peer.closed()


@rule("STOMP may stand for CONNECT")
def _():
    with Peer() as peer:
        peer.send("STOMP", {"accept-version": "1.2", "host": "h"})
        peer.expect("CONNECTED")


@rule("CONNECTED names session and server")
def _():
    with Peer("1.2") as peer:
        check(peer.connected.headers.get("session"), "no session")
        check(peer.connected.headers.get("server"), "no server")


@rule("CONNECT may end its lines with CR LF")
def _():
    with Peer() as peer:
        peer.write("CONNECT\r\naccept-version:1.2\r\nhost:h\r\n\r\n\0")
        peer.expect("CONNECTED")


@rule("the headers of CONNECT are not escaped")
def _():
    with Peer() as peer:
        name = f"client\\c{RUN}"
        peer.send("CONNECT", {"accept-version": "1.2", "host": "h", "client-id": name})
        check(peer.expect("CONNECTED").headers.get("session") == name, "it was taken for an escape")


@rule("a second CONNECT is refused")
def _():
    with Peer("1.2") as peer:
        peer.send("CONNECT", {"accept-version": "1.2", "host": "h"})
        refused(peer)


@rule("nothing is accepted before CONNECT")
def _():
    with Peer() as peer:
        peer.send("SEND", {"destination": queue(), "receipt": "r"}, b"x")
        refused(peer, "r")


@rule("frames may follow CONNECT at once")
def _():
    with Peer() as peer:
        destination = queue()
        peer.write(
            "CONNECT\naccept-version:1.1\nhost:h\n\n\0"
            f"SEND\ndestination:{destination}\nreceipt:r\n\nbody\0"
        )
        peer.expect("CONNECTED")
        check(peer.expect("RECEIPT").headers["receipt-id"] == "r", "wrong receipt")
    check(left_in(destination) == [b"body"], "the message is not there")


# --- frames


@each_version("empty lines between frames mean nothing")
def _(version):
    with Peer(version) as peer:
        peer.write("\n\n\n")
        peer.settle("SEND", {"destination": queue()}, b"x")
        peer.write("\n")
        peer.settle("SEND", {"destination": queue()}, b"x")


@rule("lines may end with CR LF (1.2)")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        peer.write(f"\r\nSEND\r\ndestination:{destination}\r\nreceipt:r\r\n\r\nbody\0\r\n")
        peer.expect("RECEIPT")
        subscribe(peer, destination)
        check(peer.message().body == b"body", "another body")


@rule("lines may not end with CR LF (1.1)")
def _():
    with Peer("1.1") as peer:
        peer.write(f"SEND\r\ndestination:{queue()}\r\nreceipt:r\r\n\r\nbody\0")
        refused(peer)


@each_version("a body ends with the first NUL")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination}, b"one\ntwo\r\n\n")
        check(peer.message().body == b"one\ntwo\r\n\n", "another body")


@each_version("a body with content-length may hold NULs")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "content-length": "5"}, b"a\0b\0\n")
        message = peer.message()
        check(message.body == b"a\0b\0\n", f"another body {message}")
        check(message.headers.get("content-length") == "5", f"no length {message}")


@rule("a body that is longer than its content-length is refused")
def _():
    with Peer("1.2") as peer:
        peer.send("SEND", {"destination": queue(), "content-length": "2", "receipt": "r"}, b"abcd")
        refused(peer)


@rule("a content-length that is no number is refused")
def _():
    for length in ("x", "-1", "1e2", ""):
        with Peer("1.2") as peer:
            peer.send("SEND", {"destination": queue(), "content-length": length}, b"ab")
            refused(peer)


@rule("a content-length beyond all bounds is refused at once")
def _():
    with Peer("1.2") as peer:
        peer.write(f"SEND\ndestination:{queue()}\ncontent-length:9999999999\n\nx")
        refused(peer)


@rule("a header without end is refused")
def _():
    with Peer("1.2") as peer:
        try:
            peer.write("SEND\nname:" + "x" * 2_000_000)
        except OSError:
            pass
        peer.closed()


@rule("headers without end are refused")
def _():
    with Peer("1.2") as peer:
        try:
            peer.write("SEND\n" + "".join(f"header{number}:x\n" for number in range(200_000)))
        except OSError:
            pass
        peer.closed()


@rule("an unknown command is refused")
def _():
    for command in ("PUBLISH", "send", "SENDX", " SEND"):
        with Peer("1.2") as peer:
            peer.send(command, {"destination": queue()}, b"x")
            refused(peer)


@rule("a header without a colon is refused")
def _():
    with Peer("1.2") as peer:
        peer.write(f"SEND\ndestination:{queue()}\nnonsense\n\nx\0")
        refused(peer)


@rule("only SEND has a body")
def _():
    with Peer("1.2") as peer:
        peer.send("SUBSCRIBE", {"id": "s", "destination": queue(), "receipt": "r"}, b"body")
        refused(peer, "r")


@each_version("of a repeated header the first one counts")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.write(f"SEND\ndestination:{destination}\nfoo:first\nfoo:second\ndestination:{queue()}\n\nx\0")
        check(peer.message().headers.get("foo") == "first", "the second one counts")


@each_version("escaped headers come back as they were", ("1.1", "1.2"))
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "my\\cname": "a\\nb\\cc\\\\d"}, b"x")
        headers = peer.message().headers
        check(headers.get("my:name") == "a\nb:c\\d", f"{headers}")


@rule("a carriage return in a header is escaped (1.2)")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "name": "a\\rb"}, b"x")
        headers = peer.message().headers
        check(headers.get("name") == "a\rb", f"{headers}")


@rule("a backslash in a header is itself (1.0)")
def _():
    with Peer("1.0") as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "name": "a\\nb\\"}, b"x")
        check(peer.message().headers.get("name") == "a\\nb\\", "it was taken for an escape")


@rule("an undefined escape sequence is refused (1.1)")
def _():
    for value in ("a\\tb", "a\\rb", "a\\"):
        with Peer("1.1") as peer:
            peer.send("SEND", {"destination": queue(), "name": value}, b"x")
            refused(peer)


@rule("an undefined escape sequence is refused (1.2)")
def _():
    for value in ("a\\tb", "a\\"):
        with Peer("1.2") as peer:
            peer.send("SEND", {"destination": queue(), "name": value}, b"x")
            refused(peer)


@each_version("blanks around the value of a header are part of it", ("1.1", "1.2"))
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "name": "  x "}, b"x")
        check(peer.message().headers.get("name") == "  x ", "they are gone")


@each_version("headers are UTF-8", ("1.1", "1.2"))
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination, "näme": "wért €"}, "Grüße 😀".encode())
        message = peer.message()
        check(message.headers.get("näme") == "wért €", f"{message}")
        check(message.body.decode() == "Grüße 😀", f"{message}")


@rule("a frame may arrive byte by byte")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        for byte in f"SEND\ndestination:{destination}\nreceipt:r\ncontent-length:3\n\na\0b\0".encode():
            peer.write(bytes([byte]))
        peer.expect("RECEIPT")
        subscribe(peer, destination)
        check(peer.message().body == b"a\0b", "another body")


@rule("many frames may arrive together")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        frames = [f"SEND\ndestination:{destination}\nreceipt:{number}\n\nx\0" for number in range(500)]
        peer.write("\n".join(frames))
        for number in range(500):
            got = peer.expect("RECEIPT").headers["receipt-id"]
            check(got == str(number), f"{number} expected, got {got}")


@rule("a large body arrives whole")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        subscribe(peer, destination)
        body = bytes(range(1, 256)) * 20_000
        peer.send("SEND", {"destination": destination, "content-length": str(len(body))}, body)
        check(peer.message().body == body, "another body")


# --- receipts, errors and the end


@each_version("every frame is answered if it asks for a receipt")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        peer.settle("BEGIN", {"transaction": "t"})
        peer.settle("SEND", {"destination": destination, "transaction": "t"}, b"x")
        peer.settle("COMMIT", {"transaction": "t"})
        peer.settle("BEGIN", {"transaction": "t"})
        peer.settle("ABORT", {"transaction": "t"})
        subscribe(peer, destination, ack="client")
        peer.settle("ACK", ack_headers(peer, peer.message()))
        peer.settle("UNSUBSCRIBE", {"id": "s"})
        peer.settle("DISCONNECT")


@each_version("the receipt of DISCONNECT is the last word", ("1.1", "1.2"))
def _(version):
    with Peer(version) as peer:
        destination = queue()
        for number in range(50):
            peer.send("SEND", {"destination": destination}, str(number).encode())
        peer.settle("DISCONNECT")
        peer.closed()
    check(len(left_in(destination)) == 50, "messages before it are lost")


@rule("a receipt id comes back with its escapes")
def _():
    with Peer("1.2") as peer:
        peer.send("SEND", {"destination": queue(), "receipt": "a\\cb\\\\c"}, b"x")
        check(peer.expect("RECEIPT").headers["receipt-id"] == "a:b\\c", "another one")


@rule("nothing is carried out after an ERROR")
def _():
    destination = queue()
    with Peer("1.2") as peer:
        peer.write(f"NONSENSE\n\n\0SEND\ndestination:{destination}\n\nlate\0")
        refused(peer)
    check(left_in(destination) == [], "the frame behind the error was carried out")


@rule("required headers are required")
def _():
    for command, headers in (
        ("SEND", {}),
        ("SUBSCRIBE", {"destination": queue()}),
        ("SUBSCRIBE", {"id": "s"}),
        ("UNSUBSCRIBE", {}),
        ("ACK", {}),
        ("NACK", {}),
        ("BEGIN", {}),
        ("COMMIT", {}),
        ("ABORT", {}),
    ):
        with Peer("1.2") as peer:
            peer.send(command, {**headers, "receipt": "r"})
            try:
                refused(peer, "r")
            except Broken as broken:
                raise Broken(f"{command} {headers}: {broken}")


# --- subscriptions and acks


@each_version("a message names its subscription, destination and id")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.send("SEND", {"destination": destination}, b"x")
        headers = peer.message().headers
        check(headers.get("subscription") == "s", f"{headers}")
        check(headers.get("destination") == destination, f"{headers}")
        check(headers.get("message-id"), f"{headers}")


@rule("a message has an ack header unless the mode is auto (1.2)")
def _():
    with Peer("1.2") as peer:
        for mode in ("client", "client-individual"):
            destination = queue()
            peer.send("SUBSCRIBE", {"id": mode, "destination": destination, "ack": mode})
            peer.send("SEND", {"destination": destination}, b"x")
            check(peer.message().headers.get("ack"), f"no ack header with {mode}")


@rule("two subscriptions of a connection need two ids")
def _():
    with Peer("1.2") as peer:
        peer.settle("SUBSCRIBE", {"id": "s", "destination": queue()})
        peer.send("SUBSCRIBE", {"id": "s", "destination": queue()})
        refused(peer)


@rule("an unknown ack mode is refused")
def _():
    with Peer("1.2") as peer:
        peer.send("SUBSCRIBE", {"id": "s", "destination": queue(), "ack": "sometimes"})
        refused(peer)


@rule("a subscription without an id is named by its destination (1.0)")
def _():
    with Peer("1.0") as peer:
        destination = queue()
        peer.settle("SUBSCRIBE", {"destination": destination})
        peer.send("SEND", {"destination": destination}, b"x")
        check("subscription" not in peer.message().headers, "a subscription header")
        peer.settle("UNSUBSCRIBE", {"destination": destination})
        peer.settle("SEND", {"destination": destination}, b"y")
        peer.nothing("MESSAGE")


@each_version("no message comes after UNSUBSCRIBE")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.settle("UNSUBSCRIBE", {"id": "s"})
        peer.settle("SEND", {"destination": destination}, b"x")
        peer.nothing("MESSAGE")


@rule("an UNSUBSCRIBE without a subscription is refused")
def _():
    with Peer("1.2") as peer:
        peer.send("UNSUBSCRIBE", {"id": "none", "receipt": "r"})
        refused(peer, "r")


@each_version("with ack client an ACK is for the message and all before it")
def _(version):
    destination = queue()
    with Peer(version) as peer:
        for number in range(4):
            peer.settle("SEND", {"destination": destination}, str(number).encode())
        subscribe(peer, destination, ack="client")
        messages = [peer.message() for _ in range(4)]
        peer.settle("ACK", ack_headers(peer, messages[2]))
        peer.settle("DISCONNECT")
    check(left_in(destination) == [b"3"], f"left: {left_in(destination)}")


@each_version("with ack client-individual an ACK is for one message", ("1.1", "1.2"))
def _(version):
    destination = queue()
    with Peer(version) as peer:
        for number in range(3):
            peer.settle("SEND", {"destination": destination}, str(number).encode())
        subscribe(peer, destination, ack="client-individual")
        messages = [peer.message() for _ in range(3)]
        peer.settle("ACK", ack_headers(peer, messages[1]))
        peer.settle("DISCONNECT")
    left = left_in(destination)
    check(left == [b"0", b"2"], f"left: {left}")


@each_version("what was not acknowledged comes to the next consumer")
def _(version):
    destination = queue()
    with Peer(version) as peer:
        peer.settle("SEND", {"destination": destination}, b"x")
        subscribe(peer, destination, ack="client")
        peer.message()
        peer.settle("UNSUBSCRIBE", {"id": "s"})
        subscribe(peer, destination, ack="client")
        check(peer.message().headers.get("redelivered") == "true", "it is not marked as redelivered")


@each_version("a NACK consumes the message", ("1.1", "1.2"))
def _(version):
    destination = queue()
    with Peer(version) as peer:
        peer.settle("SEND", {"destination": destination}, b"x")
        subscribe(peer, destination, ack="client-individual")
        peer.settle("NACK", ack_headers(peer, peer.message()))
        peer.settle("DISCONNECT")
    check(left_in(destination) == [], "it is still there")


@rule("with ack client a NACK is for the message and all before it")
def _():
    destination = queue()
    with Peer("1.2") as peer:
        for number in range(3):
            peer.settle("SEND", {"destination": destination}, str(number).encode())
        subscribe(peer, destination, ack="client")
        messages = [peer.message() for _ in range(3)]
        peer.settle("NACK", ack_headers(peer, messages[1]))
        peer.settle("DISCONNECT")
    left = left_in(destination)
    check(left == [b"2"], f"left: {left}")


@rule("there is no NACK (1.0)")
def _():
    destination = queue()
    with Peer("1.0") as peer:
        peer.settle("SEND", {"destination": destination}, b"x")
        subscribe(peer, destination, ack="client")
        message = peer.message()
        peer.send("NACK", {"message-id": message.headers["message-id"], "receipt": "r"})
        peer.error()


@each_version("an ACK of nothing is refused")
def _(version):
    with Peer(version) as peer:
        headers = {"id": "99", "message-id": "none", "subscription": "s", "receipt": "r"}
        peer.send("ACK", headers)
        check(peer.error().headers.get("receipt-id") == "r", "without receipt-id")


@rule("every consumer of a topic gets a message")
def _():
    with Peer("1.2") as one, Peer("1.1") as other:
        destination = queue().replace("/queue/", "/topic/")
        subscribe(one, destination)
        subscribe(other, destination)
        one.send("SEND", {"destination": destination}, b"x")
        check(one.message().body == other.message().body == b"x", "another body")


# --- transactions


@each_version("a transaction is seen at its commit and not before")
def _(version):
    with Peer(version) as peer:
        destination = queue()
        subscribe(peer, destination)
        peer.settle("BEGIN", {"transaction": "t"})
        peer.settle("SEND", {"destination": destination, "transaction": "t"}, b"x")
        peer.nothing("MESSAGE")
        peer.settle("COMMIT", {"transaction": "t"})
        check(peer.message().body == b"x", "another body")


@each_version("an aborted transaction is never seen")
def _(version):
    destination = queue()
    with Peer(version) as peer:
        peer.settle("BEGIN", {"transaction": "t"})
        peer.settle("SEND", {"destination": destination, "transaction": "t"}, b"x")
        peer.settle("ABORT", {"transaction": "t"})
    check(left_in(destination) == [], "it is there")


@rule("an open transaction ends with its connection")
def _():
    destination = queue()
    with Peer("1.2") as peer:
        peer.settle("BEGIN", {"transaction": "t"})
        peer.settle("SEND", {"destination": destination, "transaction": "t"}, b"x")
    check(left_in(destination) == [], "it is there")


@each_version("acks of a transaction take effect at its commit", ("1.1", "1.2"))
def _(version):
    destination = queue()
    with Peer(version) as peer:
        peer.settle("SEND", {"destination": destination}, b"x")
        peer.settle("SEND", {"destination": destination}, b"y")
        subscribe(peer, destination, ack="client-individual")
        first, second = peer.message(), peer.message()
        peer.settle("BEGIN", {"transaction": "one"})
        peer.settle("BEGIN", {"transaction": "two"})
        peer.settle("ACK", {**ack_headers(peer, first), "transaction": "one"})
        peer.settle("ACK", {**ack_headers(peer, second), "transaction": "two"})
        peer.settle("ABORT", {"transaction": "one"})
        peer.settle("COMMIT", {"transaction": "two"})
        peer.settle("DISCONNECT")
    left = left_in(destination)
    check(left == [b"x"], f"left: {left}")


@rule("a transaction may be begun once")
def _():
    with Peer("1.2") as peer:
        peer.settle("BEGIN", {"transaction": "t"})
        peer.send("BEGIN", {"transaction": "t", "receipt": "r"})
        refused(peer, "r")


@rule("a transaction that was not begun is refused")
def _():
    for command in ("COMMIT", "ABORT"):
        with Peer("1.2") as peer:
            peer.send(command, {"transaction": "t", "receipt": "r"})
            refused(peer, "r")
    with Peer("1.2") as peer:
        peer.send("SEND", {"destination": queue(), "transaction": "t", "receipt": "r"}, b"x")
        refused(peer, "r")


# --- heart-beats


@rule("without heart-beat there is none")
def _():
    with Peer("1.2") as peer:
        check(peer.connected.headers.get("heart-beat", "0,0") == "0,0", "there is one")


@rule("the server beats as often as the client wants")
def _():
    with Peer("1.2", heart_beat="0,200") as peer:
        check(int(peer.connected.headers["heart-beat"].split(",")[0]) > 0, "it will not")
        before = peer.line_ends
        deadline = time.monotonic() + 1.5
        while peer.read(deadline):
            pass
        check(peer.line_ends - before >= 4, f"{peer.line_ends - before} in 1.5 s")


@rule("a client that promised heart-beats and is silent is disconnected")
def _():
    with Peer("1.2", heart_beat="200,0") as peer:
        check(int(peer.connected.headers["heart-beat"].split(",")[1]) > 0, "it does not listen")
        peer.closed()


@rule("a client that beats is not disconnected")
def _():
    with Peer("1.2", heart_beat="300,0") as peer:
        for _ in range(10):
            time.sleep(0.12)
            peer.write("\n")
        peer.settle("SEND", {"destination": queue()}, b"x")


@rule("a heart-beat that is no pair of numbers is refused")
def _():
    for value in ("1", "a,b", "-1,0", "1,2,3"):
        with Peer() as peer:
            peer.send("CONNECT", {"accept-version": "1.2", "host": "h", "heart-beat": value})
            refused(peer)


# --- what ActiveMQ adds


@rule("a browser sees messages, consumes none, and sees the end")
def _():
    destination = queue()
    with Peer("1.2") as peer:
        for number in range(3):
            peer.settle("SEND", {"destination": destination}, str(number).encode())
        peer.send("SUBSCRIBE", {"id": "s", "destination": destination, "browser": "true"})
        bodies = []
        while True:
            message = peer.message()
            if message.headers.get("browser") == "end":
                break
            bodies.append(message.body)
        check(bodies == [b"0", b"1", b"2"], f"{bodies}")
    check(len(left_in(destination)) == 3, "some were consumed")


@rule("a request is answered through a temporary queue")
def _():
    destination = queue()
    with Peer("1.2") as asker, Peer("1.1") as answerer:
        asker.settle("SUBSCRIBE", {"id": "replies", "destination": "/temp-queue/replies"})
        subscribe(answerer, destination)
        headers = {"destination": destination, "reply-to": "/temp-queue/replies", "correlation-id": "7"}
        asker.send("SEND", headers, b"ask")
        reply_to = answerer.message().headers["reply-to"]
        check(reply_to.startswith("/remote-temp-queue/"), f"reply to {reply_to}")
        answerer.send("SEND", {"destination": escape(answerer, reply_to)}, b"answer")
        answer = asker.message()
        check(answer.headers["destination"] == "/temp-queue/replies", f"{answer}")


@rule("a SEND keeps the headers that ActiveMQ knows")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        subscribe(peer, destination)
        expires = str(int(time.time() * 1000) + 100_000)
        sent = {
            "persistent": "true",
            "priority": "7",
            "expires": expires,
            "correlation-id": "c",
            "type": "t",
            "reply-to": "/queue/back",
            "content-type": "text/plain",
            "custom": "value",
        }
        peer.send("SEND", {"destination": destination, **sent}, b"x")
        headers = peer.message().headers
        for name, value in sent.items():
            check(headers.get(name) == value, f"{name} is {headers.get(name)}")


@rule("what only a broker may say is not taken from a SEND")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        subscribe(peer, destination)
        forged = {"message-id": "forged", "redelivered": "true", "subscription": "forged", "JMSXUserID": "forged"}
        peer.send("SEND", {"destination": destination, **forged}, b"x")
        headers = peer.message().headers
        check("forged" not in headers.values() and "redelivered" not in headers, f"{headers}")


@rule("a content-length makes bytes, none makes text, amq-msg-type decides")
def _():
    with Peer("1.2") as peer:
        destination = queue()
        subscribe(peer, destination)
        for headers, is_bytes in (
            ({"content-length": "1"}, True),
            ({}, False),
            ({"amq-msg-type": "bytes"}, True),
            ({"amq-msg-type": "text", "content-length": "1"}, False),
        ):
            peer.send("SEND", {"destination": destination, **headers}, b"x")
            message = peer.message()
            check(("content-length" in message.headers) == is_bytes, f"{headers}: {message}")


@rule("no more is sent ahead of the acks than activemq.prefetchSize")
def _():
    destination = queue()
    with Peer("1.2") as peer:
        for number in range(3):
            peer.settle("SEND", {"destination": destination}, str(number).encode())
        subscribe(peer, destination, ack="client", activemq__prefetchSize="2")
        peer.message()
        second = peer.message()
        peer.nothing("MESSAGE")
        peer.settle("ACK", ack_headers(peer, second))
        check(peer.message().body == b"2", "another body")


@rule("a queue cannot be subscribed to durably")
def _():
    with Peer("1.2", client_id=f"durable-{RUN}") as peer:
        headers = {"id": "s", "destination": queue(), "activemq.subscriptionName": "d", "receipt": "r"}
        peer.send("SUBSCRIBE", headers)
        refused(peer, "r")


@rule("a destination without a prefix is a queue")
def _():
    with Peer("1.2") as peer:
        name = f"plain.{RUN}"
        peer.settle("SEND", {"destination": name}, b"x")
        subscribe(peer, f"/queue/{name}")
        check(peer.message().body == b"x", "another body")


@rule("a destination of no known form is refused")
def _():
    with Peer("1.2") as peer:
        peer.send("SEND", {"destination": f"/nonsense/{RUN}", "receipt": "r"}, b"x")
        refused(peer, "r")


for name, function in RULES:
    try:
        function()
        print(f"ok {name}", flush=True)
    except Exception as error:  # A server that does anything at all must not keep the other rules from being checked.
        print(f"failed {name}: {type(error).__name__} {error}", flush=True)
