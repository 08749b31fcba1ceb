"""What looks like a secret, whoever made it: the net under the secrets that are known."""

import re

# Each with the part that is not to be shown. What the gateway's own remedies spell out is no secret.
FORMS = {
    "an API key": re.compile(r"gwk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}"),
    "a bootstrap key": re.compile(r"gwk_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    "a JWT": re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"),
    "a credential": re.compile(r"(?i:bearer|basic) [A-Za-z0-9._~+/=-]{12,}"),
    "a password's hash": re.compile(r"\$argon2id\$v=\d+\$[^\s\"']+"),
    "a webhook secret": re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,}"),
    "a password in a URL": re.compile(r"[a-z+]{3,12}://(?!user:password@)[^/\s:@\"'<>]*:[^/\s@\"'<>]+@"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a Stripe key": re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
}
HINTS = ("gwk_", "eyJ", "earer ", "asic ", "$argon2", "whsec_", "://", "-----BEGIN", "k_live_", "k_test_")

# What a start shows once, to the operator: whoever makes the only key has no other way to tell it.
SHOWN_ONCE = re.compile(
    r"^(?:bootstrap admin key, shown this once: | *bootstrap key +)gwk_[A-Za-z0-9_-]{43} *$", re.MULTILINE
)
