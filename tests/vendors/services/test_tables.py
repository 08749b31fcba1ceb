"""`[services.NAME]`: what it may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from domain.balancing.instances import Instance, Strategy
from domain.errors import ConfigurationError
from domain.services import Access, ServicePolicy
from vendors.services.reading import read_services
from vendors.services.settings import ServiceTable
from vendors.table.reading import read_tables

HERE = "http://127.0.0.1:9001"


def read(tmp_path: Path, text: str, **environment: str) -> dict[str, ServiceTable]:
    table = tmp_path / "vendors.toml"
    table.write_text(text)
    return read_services([table], environment)


def test_a_list_of_addresses_is_enough(tmp_path: Path) -> None:
    user = read(tmp_path, f'[services.user]\ninstances = ["{HERE}/", {{ url = "http://b.example", weight = 2 }}]')[
        "user"
    ]
    assert user.instances == (Instance(HERE), Instance("http://b.example", 2))
    assert user.policy == ServicePolicy(Access.AUTHENTICATED)
    assert (user.strategy, user.timeout_seconds, user.retries) == (Strategy.ROUND_ROBIN, 30.0, 1)
    assert user.health is None


def test_everything_can_be_said(tmp_path: Path) -> None:
    text = """
    [services.user]
    srv = "_http._tcp.user.example"
    scheme = "https"
    strategy = "least_outstanding"
    timeout_seconds = 2
    idle_seconds = 60
    retries = 0
    access = "service"
    forward_authorization = true
    max_body_bytes = 1024
    health = { path = "/health?deep=1", every_seconds = 2.5 }
    """
    user = read(tmp_path, text)["user"]
    assert user.policy == ServicePolicy(Access.SERVICE, forward_authorization=True, max_body_bytes=1024)
    assert user.health is not None
    assert (user.health.path, user.health.every_seconds) == ("/health?deep=1", 2.5)


def test_a_variable_may_hold_several_addresses(tmp_path: Path) -> None:
    text = '[services.user]\ninstances = "${USERS}"'
    user = read(tmp_path, text, USERS=f"{HERE}, http://b.example,")["user"]
    assert [instance.url for instance in user.instances] == [HERE, "http://b.example"]


def test_vendors_and_services_stand_side_by_side(tmp_path: Path) -> None:
    table = tmp_path / "vendors.toml"
    table.write_text(f'[vendors.acme]\nurl = "{HERE}/x"\n[services.user]\nconsul = "user"\n')
    assert set(read_tables([table], {})) == {"acme"}
    assert set(read_services([table], {})) == {"user"}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("[services.user]\naccess = 'public'", 1, "it has no instances: add instances ="),
        (f"[services.user]\ninstances = ['{HERE}']\nconsul = 'user'", 3, "`instances` and `consul` exclude each other"),
        ("[services.user]\ninstances = ['nowhere']", 2, "an instance is not an http:// or https:// address"),
        ("[services.user]\ninstances = ['${NOBODY}']", 2, "${NOBODY} is not in the environment: set NOBODY"),
        (f"[services.user]\ninstances = ['{HERE}']\naccess = 'all'", 3, "access is none of public, authenticated"),
        (f"[services.user]\ninstances = ['{HERE}']\nstrategy = 'first'", 3, "strategy is none of round_robin"),
        (f"[services.user]\ninstances = ['{HERE}']\ntimeout_seconds = 0", 3, "`timeout_seconds` is wrong"),
        (f"[services.user]\ninstances = ['{HERE}']\ntimeout = 3", 3, "unknown key `timeout`: mend its spelling"),
        (f"[services.user]\ninstances = ['{HERE}']\nhealth = {{ path = 'up' }}", 3, "health.path is no path"),
        (f"[services.user]\ninstances = ['{HERE}']\nhealth = {{ way = '/x' }}", 3, "unknown key `health.way`"),
        (f"[services.user]\ninstances = ['{HERE}']\naccess = ['public']", 3, "access is none of public, authenticated"),
        (f"[services.user]\ninstances = ['{HERE}']\nstrategy = {{}}", 3, "strategy is none of round_robin"),
        ("[services.user]\nsrv = 'a..b'", 2, "srv is no name in DNS: write it like"),
        ("[services.user]\nconsul = 'user'\nconsul_token = 'a\u00e9'", 3, "consul_token holds a character"),
        ("[services.user]\nconsul = 'user'\nconsul_url = 'http://me:pw@b'", 3, "move the token into consul_token"),
        ("[services.user]\nconsul = 'user'\nconsul_url = 'http://b?dc=1'", 3, "consul_url has a query: remove it"),
        ("[services.user]\nsrv = 'a'\nconsul_url = 'http://b'", 3, "`consul_url` says nothing without `consul`"),
        (f"[services.user]\ninstances = ['{HERE}']\nscheme = 'https'", 3, "`scheme` says nothing of `instances`"),
        ("[services.user]\ninstances = ['http://me:pw@b']", 2, "an instance holds credentials: remove them"),
        ("[services]\nuser = 3", 2, "`user` is not a table: write [services.NAME] above its keys"),
        ("services = 3", 1, "`services` is not a table: write [services.NAME]"),
        ("[services.User]\nconsul = 'user'", 1, "'User' cannot be a service's name"),
        ("[service.user]\nconsul = 'user'", 1, "unknown key `service`: a vendor is a table [vendors.NAME], a service"),
    ],
)
def test_a_fault_names_the_file_the_line_and_the_remedy(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read(tmp_path, text)
    assert refusal.value.detail.startswith(f"{tmp_path / 'vendors.toml'}:{line}: ")
    assert told in refusal.value.detail


def test_a_token_is_in_no_complaint_and_no_text(tmp_path: Path) -> None:
    text = "[services.user]\nconsul = 'user'\nconsul_token = '${TOKEN}'"
    assert "top-secret" not in repr(read(tmp_path, text, TOKEN="top-secret"))
    with pytest.raises(ConfigurationError) as refusal:
        read(tmp_path, text + "\nretries = 'many'", TOKEN="top-secret")
    assert "top-secret" not in refusal.value.detail
