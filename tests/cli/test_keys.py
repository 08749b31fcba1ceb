"""The keys of tokens: from the settings, or the home's own."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cli.home import Home
from cli.keys import key_ring, signed_tokens
from cli.settings import load_settings
from domain.accounts.links import Purpose
from domain.errors import ConfigurationError
from tests.contracts.made_tokens import ACCESS, LINK, NEW, OLD


def write_key(path: Path, *, public: bool = False) -> str:
    key = Ed25519PrivateKey.generate()
    if public:
        path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    else:
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def test_unset_the_home_makes_a_secret_once_for_its_owner_only(home: Home) -> None:
    settings = load_settings({"home": str(home.path)})
    assert key_ring(settings) == key_ring(settings)
    assert stat.S_IMODE((home.path / "jwt.secret").stat().st_mode) == 0o600


def test_every_process_of_one_home_reads_what_another_signed(home: Home) -> None:
    settings = load_settings({"home": str(home.path)})
    token = signed_tokens(settings).link(LINK, Purpose.RESET)
    assert signed_tokens(settings).read_link(token, Purpose.RESET) == LINK
    elsewhere = load_settings({"home": str(home.path / "elsewhere")})
    assert signed_tokens(elsewhere).read_link(token, Purpose.RESET) is None


def test_a_secret_that_is_set_is_taken_and_none_is_made(home: Home) -> None:
    here = load_settings({"home": str(home.path), "jwt_secret": NEW})
    there = load_settings({"home": str(home.path / "elsewhere"), "jwt_secret": NEW})
    assert key_ring(here) == key_ring(there)
    assert not (home.path / "jwt.secret").exists()


def test_former_secrets_follow_the_first_after_spaces(home: Home) -> None:
    both, old = (
        key_ring(load_settings({"home": str(home.path), "jwt_secret": said})) for said in (f"{NEW}  {OLD}", OLD)
    )
    assert both.access[1:] == old.access
    assert both.refresh[1:] == old.refresh


def test_former_secrets_may_follow_in_the_homes_file_too(home: Home) -> None:
    (home.path / "jwt.secret").write_text(f"{NEW}\n{OLD}\n")
    settings = load_settings({"home": str(home.path)})
    assert key_ring(settings) == key_ring(load_settings({"home": str(home.path), "jwt_secret": f"{NEW} {OLD}"}))


@pytest.mark.parametrize("said", ["short", f"{NEW} short", "correct horse battery staple correct horse", " "])
def test_each_secret_has_32_characters_or_more(said: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_JWT_SECRET: ") as refusal:
        load_settings({"jwt_secret": said})
    assert NEW not in refusal.value.detail
    assert "horse" not in refusal.value.detail


def test_pem_files_sign_instead_and_the_secret_stays_for_the_rest(home: Home, tmp_path: Path) -> None:
    files = f"{write_key(tmp_path / 'new.pem')}:{write_key(tmp_path / 'old.pem', public=True)}"
    settings = load_settings({"home": str(home.path), "jwt_secret": NEW, "jwt_keys": files})
    ring = key_ring(settings)
    assert [(key.algorithm, key.signing is None) for key in ring.access] == [("EdDSA", False), ("EdDSA", True)]
    assert ring.refresh == key_ring(load_settings({"home": str(home.path), "jwt_secret": NEW})).refresh


@pytest.mark.parametrize("content", [None, b"no key", b"secret\xff"], ids=["no file", "no key", "no text"])
def test_a_file_that_holds_no_key_is_refused_by_name_and_with_the_remedy(home: Home, content: bytes | None) -> None:
    file = home.path / "some.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^GATEWAY_JWT_KEYS: .*some\.pem.*; (name|make)") as refusal:
        key_ring(load_settings({"home": str(home.path), "jwt_keys": str(file)}))
    assert "secret" not in refusal.value.detail.replace("jwt.secret", "")


def test_a_public_key_cannot_be_the_first(home: Home, tmp_path: Path) -> None:
    file = write_key(tmp_path / "some.pem", public=True)
    with pytest.raises(ConfigurationError, match=r"^GATEWAY_JWT_KEYS: .*some\.pem is a public key"):
        key_ring(load_settings({"home": str(home.path), "jwt_keys": file}))


def test_a_spoilt_secret_in_the_home_is_refused_by_name(home: Home) -> None:
    (home.path / "jwt.secret").write_text("")
    with pytest.raises(ConfigurationError, match=r"^GATEWAY_JWT_SECRET: "):
        key_ring(load_settings({"home": str(home.path)}))


def test_the_issuer_is_where_the_gateway_is_reached(home: Home) -> None:
    here, there = (
        signed_tokens(load_settings({"home": str(home.path), "jwt_secret": NEW, "public_url": url}))
        for url in ("https://here.example", "https://there.example")
    )
    now = datetime.now(UTC)
    token = here.access(replace(ACCESS, expires_at=now + timedelta(minutes=10)))
    assert here.read_access(token, now) is not None
    assert there.read_access(token, now) is None
