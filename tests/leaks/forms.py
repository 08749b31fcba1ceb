"""What looks like a secret, whoever made it: the net under the secrets that are known."""

import re

# Each begins with a word that a text can be asked for at once. What the gateway's own remedies spell out is no secret.
FORMS = {
    "an API key": ("gwk_", re.compile(r"gwk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}")),
    "a bootstrap key": ("gwk_", re.compile(r"gwk_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")),
    "a JWT": ("eyJ", re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")),
    "a bearer's credential": ("earer ", re.compile(r"earer [A-Za-z0-9._~+/=-]{12,}")),
    "basic credentials": ("Basic ", re.compile(r"Basic [A-Za-z0-9+/=]{12,}")),
    "a password's hash": ("$argon2id$", re.compile(r"\$argon2id\$v=\d+\$[^\s\"']+")),
    "a webhook secret": ("whsec_", re.compile(r"whsec_[A-Za-z0-9+/=_-]{16,}")),
    "a password in a URL": ("://", re.compile(r"://(?!user:password@)[^/\s:@\"'<>]*:[^/\s@\"'<>]+@")),
    "a private key": ("-----BEGIN ", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    "a Stripe key": ("k_", re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}")),
}

# What a start shows once, to the operator: whoever makes the only key has no other way to tell it.
SHOWN_ONCE = re.compile(
    r"^(?:bootstrap admin key, shown this once: | *bootstrap key +)gwk_[A-Za-z0-9_-]{43} *$", re.MULTILINE
)
