"""A mail server on a socket of its own, as little of one as a mail needs."""

import socketserver
import threading
from collections.abc import Iterator
from email import message_from_string, policy
from email.message import EmailMessage

import pytest


class Conversation(socketserver.StreamRequestHandler):
    """As much SMTP as a mail needs."""

    server: "MailServer"

    def handle(self) -> None:
        self.say("220 mail.example.org")
        text = ""
        while line := self.rfile.readline().decode():
            word = line[:4].upper().strip()
            if word == "DATA":
                self.say("354 go on")
                while (part := self.rfile.readline().decode()).rstrip() != ".":
                    text += part
                self.server.mails.append(text)
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 mail.example.org")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.mails: list[str] = []


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def read(text: str) -> EmailMessage:
    """A mail as its reader has it: headers decoded, and its text by `get_content()`."""
    found = message_from_string(text, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found
