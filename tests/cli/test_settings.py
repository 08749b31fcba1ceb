"""Settings: where they come from, and how a wrong one is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from cli.settings import DEMO_WEBHOOK_SECRET, DEVELOPMENT, Settings, load_settings, unknown_settings
from domain.errors import ConfigurationError
from domain.retention import Retention

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "99999"),
        ("GATEWAY_PORT", "0"),
        ("GATEWAY_PORT", "http"),
        ("GATEWAY_WORKERS", "-1"),
        ("GATEWAY_API_PROCESSES", "0"),
        ("GATEWAY_CONCURRENCY", "1.5"),
        ("GATEWAY_LEASE_SECONDS", "abc"),
        ("GATEWAY_LEASE_SECONDS", "0"),
        ("GATEWAY_LEASE_SECONDS", "nan"),
        ("GATEWAY_DRAIN_SECONDS", "-1"),
        ("GATEWAY_RETENTION_DAYS", "0"),
        ("GATEWAY_RETENTION_COMPLETE_DAYS", "-1"),
        ("GATEWAY_RETENTION_FAILED_DAYS", "nan"),
        ("GATEWAY_RETENTION_CANCELLED_DAYS", "3651"),
        ("GATEWAY_REDACT_DAYS", "never"),
        ("GATEWAY_ORDER_MINUTES", "0"),
        ("GATEWAY_ORDER_MINUTES", "10081"),
        ("GATEWAY_RECONCILE_EVERY_SECONDS", "-1"),
        ("GATEWAY_RECONCILE_EVERY_SECONDS", "often"),
        ("GATEWAY_ENV", "staging"),
        ("GATEWAY_ANONYMOUS", "perhaps"),
        ("GATEWAY_LOG_LEVEL", "loud"),
        ("GATEWAY_MONGO_URL", "postgres://host"),
        ("GATEWAY_REDIS_URL", "127.0.0.1:6379"),
        ("GATEWAY_PUBLIC_URL", "gateway.example"),
        ("GATEWAY_CALLBACK_SECRET", "guess me"),
        ("GATEWAY_JWT_SECRET", "guess me"),
        ("GATEWAY_PASSWORD_THREADS", "0"),
        ("GATEWAY_DEMO_VENDORS_URL", "ftp://host"),
        ("GATEWAY_CLIENT_LIMIT", "fast"),
        ("GATEWAY_CLIENT_LIMIT", "0/minute"),
        ("GATEWAY_IP_LIMIT", "100"),
        ("GATEWAY_CORS_ORIGINS", "https://shop.example/path"),
        ("GATEWAY_CORS_ORIGINS", "*, https://shop.example"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_with_the_remedy(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    description = Settings.model_fields[name.removeprefix("GATEWAY_").lower()].description
    assert refusal.value.detail.startswith(f"{name}: ")
    assert refusal.value.detail.endswith(f"; {description}")


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "99999")
    monkeypatch.setenv("GATEWAY_WORKERS", "-1")
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert [line.split(":")[0] for line in refusal.value.detail.splitlines()] == ["GATEWAY_PORT", "GATEWAY_WORKERS"]


def test_a_refused_url_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_MONGO_URL", "postgres://me:hunter2@host")
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert "hunter2" not in refusal.value.detail


def test_a_flag_wins_over_the_environment_and_that_over_dotenv(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("GATEWAY_PORT=1\nGATEWAY_WORKERS=1\nGATEWAY_CONCURRENCY=1\n")
    monkeypatch.setenv("GATEWAY_PORT", "2")
    monkeypatch.setenv("GATEWAY_WORKERS", "2")
    settings = load_settings({"port": "3", "workers": None})
    assert (settings.port, settings.workers, settings.concurrency) == (3, 2, 1)


def test_ended_jobs_are_kept_alike_but_for_what_is_said_of_a_status() -> None:
    kept = load_settings({"retention_days": "2", "retention_failed_days": "0.5", "redact_days": "1"}).retention
    assert (kept.complete, kept.cancelled) == (timedelta(days=2), timedelta(days=2))
    assert (kept.failed, kept.redact_after) == (timedelta(hours=12), timedelta(days=1))
    assert load_settings().retention == Retention()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_MONGO_URL", "")
    assert load_settings().mongo_url is None


def test_a_default_of_the_command_holds_only_where_nobody_said_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_ANONYMOUS", "0")
    settings = load_settings(defaults=DEVELOPMENT)
    assert settings.env == "development"
    assert not settings.anonymous


def test_settings_survive_the_way_through_a_childs_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"port": "81", "mongo_url": "mongodb://me:hunter2@host", "anonymous": "1"})
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_a_table_may_name_every_setting_but_the_servers_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "from the environment")
    Path(".env").write_text("ACME_TOKEN=from the file\nOTHER=kept\n")
    names = load_settings({"mongo_url": "mongodb://me:hunter2@host", "port": "81"}).table_environment()
    assert names["GATEWAY_PUBLIC_URL"] == "http://127.0.0.1:81"
    assert (names["ACME_TOKEN"], names["OTHER"]) == ("from the environment", "kept")
    assert "GATEWAY_MONGO_URL" not in names


def test_the_simulated_vendors_secret_is_the_homes_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load_settings().table_environment()[DEMO_WEBHOOK_SECRET]
    assert kept.startswith("whsec_")
    assert load_settings().table_environment()[DEMO_WEBHOOK_SECRET] == kept
    monkeypatch.setenv(DEMO_WEBHOOK_SECRET, "whsec_c2V0")
    assert load_settings().table_environment()[DEMO_WEBHOOK_SECRET] == "whsec_c2V0"
    assert list(unknown_settings({DEMO_WEBHOOK_SECRET: "whsec_c2V0"})) == []


def test_an_unknown_variable_is_warned_of_with_the_nearest_name() -> None:
    assert list(unknown_settings({"GATEWAY_PROT": "1", "PATH": "/bin", "GATEWAY_PORT": "1"})) == [
        "GATEWAY_PROT: there is no such setting; did you mean GATEWAY_PORT?"
    ]


def test_the_example_file_lists_every_setting_with_its_default() -> None:
    lines = [line.removeprefix("# ") for line in (ROOT / ".env.example").read_text().splitlines()]
    listed = dict(line.split("=", 1) for line in lines if line.startswith("GATEWAY_"))
    defaults = Settings.model_construct().as_environment()
    assert listed == {DEMO_WEBHOOK_SECRET: ""} | {
        f"GATEWAY_{name.upper()}": defaults.get(f"GATEWAY_{name.upper()}", "") for name in Settings.model_fields
    }
