"""
What can go wrong with one call to a vendor, named by what to do next.

VendorError
├── NotSent            nothing reached the vendor (refused, no such name, TLS, no connection in time): call again
│   └── OutOfTime      and its job's deadline had left it less time than the vendor has: nothing is said of the vendor
├── Unsendable         it cannot be written as HTTP, and was not sent: asking again will not help
├── ReplyTooLarge      a success, but more than the adapter takes: the rest was not read
└── ReplyUnreadable    a success, but in an encoding that nobody asked for, or broken inside

`domain.errors.OutcomeUnknown` is the fifth case: it was sent, or a part of it, and no whole answer came back. It has an
`OutOfTime` of its own, `UnknownOutOfTime`: whoever gives jobs a second must not have a vendor of ten taken for dead.
No text here repeats a vendor's body, a header or an address: any of them may hold a secret.
"""

from domain.errors import GatewayError, OutcomeUnknown


class VendorError(GatewayError):
    code = "vendor_error"


class NotSent(VendorError):
    code = "vendor_unreachable"


class OutOfTime(NotSent):
    code = "deadline"


class UnknownOutOfTime(OutcomeUnknown):
    code = "deadline"
    trouble = False


class Unsendable(VendorError):
    code = "request_unsendable"


class ReplyTooLarge(VendorError):
    code = "reply_too_large"

    def __init__(self, status: int, max_bytes: int) -> None:
        super().__init__(f"The vendor's reply is larger than {max_bytes} bytes.")
        self.status = status


class ReplyUnreadable(VendorError):
    code = "reply_unreadable"

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
