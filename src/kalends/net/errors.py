"""What can go wrong with an outgoing request, told apart by what a caller must know: may it have taken effect?

NetError
├── NotSent           no byte of the request left: name, route, connection, certificate
│   └── Refused       we would not connect: a private address, a scheme, a malformed address
├── BadRedirect       an answer came that points elsewhere and was not followed; a write was not carried out
└── MaybeSent         the request left, at least in part, and no complete answer came back
    ├── Timeout       time ran out while waiting for it
    └── TooLarge      the answer is larger than the caller takes

A write that ended in an error whose `sent` is true must be looked up before it is tried again.
"""

from __future__ import annotations


class NetError(Exception):
    """`sent` tells whether the request may have reached the other side. The text holds no path, query or secret."""

    sent = False


class NotSent(NetError):
    pass


class Refused(NotSent):
    """`address` is what was refused: an IP address, or the part of the URL that is not acceptable."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address}: {reason}")
        self.address = address
        self.reason = reason


class BadRedirect(NetError):
    pass


class MaybeSent(NetError):
    sent = True


class Timeout(MaybeSent):
    pass


class TooLarge(MaybeSent):
    pass
