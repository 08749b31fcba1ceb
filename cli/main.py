"""
The command `gateway`: one subcommand a process, and a few for the operator.

A wrong setting or file ends any of them with what is wrong and the remedy, without a traceback,
and with exit code 78. Each subcommand loads only what it runs.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from cli.backup_note import refuse_calls
from cli.home import Home
from cli.options import CALLBACKS, EVERY, HTTP, KEEPING, SERVERS, TABLE, WORKER, setting_flags
from cli.settings import DEVELOPMENT, Settings, load_settings, unknown_settings
from cli.supervisor import CONFIGURATION_EXIT, MESSAGE_PREFIX
from domain.callers import ANONYMOUS
from domain.errors import ConfigurationError

Flags = dict[str, str | None]
LATE = {  # groups of commands that a person types
    "config": "cli.config",
    "demo": "cli.demo",
    "jobs": "cli.jobs",
    "payments": "cli.reconcile",
    "users": "cli.users",
    "vendors": "cli.vendors",
}

_NAMED = click.option(
    "--name", metavar="NAME", help="What metrics call this process; default its command and process id."
)


def main() -> None:
    try:
        gateway(prog_name="gateway")
    except ConfigurationError as fault:
        print(f"{MESSAGE_PREFIX}{fault.detail}", file=sys.stderr)
        sys.exit(CONFIGURATION_EXIT)


class LateGroup(click.Group):
    """Loads the groups of `LATE` when they are asked for: no process of the gateway needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *LATE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LATE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(LATE[cmd_name]), cmd_name)
        return command


@click.group(cls=LateGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="vendor-gateway")
def gateway() -> None:
    """
    Takes in jobs over HTTP, keeps them in MongoDB, and has workers call the vendors.

    To see it work: `gateway up`. Settings are environment variables GATEWAY_…, lines of `.env`, or flags of the same
    name; a flag wins. Exit code 78 means that a setting or a file is wrong.
    """
    for warning in unknown_settings(os.environ):
        print(f"warning: {warning}", file=sys.stderr)


@gateway.command()
@click.option("--reload", is_flag=True, help="Start the processes again when a file of the program changes.")
@setting_flags(*EVERY)
def up(*, reload: bool, **flags: str | None) -> None:
    """
    Run everything on this machine: servers, API, workers, simulated vendors.

    Ctrl-C or SIGTERM stops it in order; a second Ctrl-C cuts the workers' calls short.
    """
    settings = load_settings(flags, defaults=DEVELOPMENT)  # before the rest is loaded: a wrong one is told at once
    from cli import up as everything

    everything.run(settings, reload=reload)


@gateway.command()
@_NAMED
@setting_flags(*HTTP)
def api(*, name: str | None, **flags: str | None) -> None:
    """Serve the API alone."""
    _serve(flags, name, "api")


@gateway.command()
@_NAMED
@setting_flags(*HTTP)
def webhooks(*, name: str | None, **flags: str | None) -> None:
    """Serve the webhook receiver alone."""
    _serve(flags, name, "webhooks")


@gateway.command()
@_NAMED
@setting_flags(*HTTP)
def serve(*, name: str | None, **flags: str | None) -> None:
    """Serve the API and the webhook receiver in one process."""
    _serve(flags, name, "api", "webhooks")


@gateway.command()
@click.option("--vendors", metavar="A,B", help="Work for these vendors only; default all of the tables.")
@click.option(
    "--name", metavar="NAME", help="What the timeline of a job calls this worker; default host and process id."
)
@click.option("--apart", is_flag=True, hidden=True, help="What a worker starts for suspects: one job at a time.")
@setting_flags(*WORKER)
def worker(*, vendors: str | None, name: str | None, apart: bool, **flags: str | None) -> None:
    """Run one worker: it calls the vendors. SIGTERM lets its calls finish."""
    refuse_calls(Home.at(load_settings(flags).home), workers=1)
    settings = _connected(flags)
    from cli import worker as process

    chosen = tuple(vendor.strip() for vendor in vendors.split(",")) if vendors else None
    process.run(settings, process.Kind(chosen, name, apart))


@gateway.command("demo-vendors")
@setting_flags("demo_vendors_url", "demo_users", "demo_products", "home")
def demo_vendors(**flags: str | None) -> None:
    """Run the simulated vendors, and the sample services."""
    from cli import demo_vendors as process

    process.run(load_settings(flags))


@gateway.command()
@click.option("--jobs", default=6_000, show_default=True, type=click.IntRange(1), help="Jobs to send in.")
@click.option(
    "--minutes", default=2.0, show_default=True, type=click.FloatRange(0.2), help="How long the load goes on."
)
@click.option("--seed", default=1, show_default=True, help="What the faults and the load follow from.")
@click.option("--kills", default=0, type=click.IntRange(0), help="Kill -9 at least so many processes.")
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Run in this directory, and leave it.")
@click.option("--write", metavar="FILE", type=click.Path(path_type=Path), help="Write the ledger there as Markdown.")
def chaos(*, keep: Path | None, write: Path | None, **wish: Any) -> None:
    """
    Run the whole gateway under fire, and balance the books.

    Exit code 1: a job was lost, a vendor acted twice, or a limit was overshot.
    """
    from cli import chaos as fire
    from loadtest.chaos.run import Wish

    sys.exit(fire.play(Wish(**wish), keep, write))


@gateway.command()
@setting_flags(*SERVERS, *TABLE, "host", "port")
def doctor(**flags: str | None) -> None:
    """Check settings, tables, servers, indexes and clocks, and say what to do. Exit code 1 if anything is wrong."""
    from cli import doctor as checks

    sys.exit(checks.run(flags))


@gateway.command()
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@setting_flags("home", "mongo_url")
def backup(*, target: Path, **flags: str | None) -> None:
    """Copy an embedded gateway's MongoDB and secrets into DIR, while it runs."""
    from cli import backup as copying

    copying.run(load_settings(flags), target.absolute())


@gateway.command()
@click.option("--taken-at", metavar="TIME", help="When the backup was finished; default what its home says.")
@click.option("--dry-run", is_flag=True, help="Count only.")
@setting_flags(*SERVERS, *TABLE, *KEEPING, "host", "port")
def restored(*, taken_at: str | None, dry_run: bool, **flags: str | None) -> None:
    """
    After a restore and before any worker runs: fail what may have been called since.

    A job that was to be called, at a vendor that would not recognise the call by its key, ends with outcome_unknown.
    Configurations and vendors' controls go on under versions that nobody has seen.
    """
    from cli import restored as settling

    settling.run(_connected(flags), taken_at, dry_run=dry_run)


@gateway.command("bootstrap-key")
@click.option("--renew", is_flag=True, help="Make a new key; the old one is void at once.")
@click.option("--revoke", is_flag=True, help="Void the key for good; there must be an admin's account.")
@click.option("--force", is_flag=True, help="Revoke it although nobody else is admin, or MongoDB is away.")
@setting_flags("home", "mongo_url")
def bootstrap_key(*, renew: bool, revoke: bool, force: bool, **flags: str | None) -> None:
    """Make the admin's key and show it, once: only its hash is kept."""
    from cli import bootstrap

    if (renew and revoke) or (force and not revoke):
        raise click.UsageError("--renew and --revoke do not go together, and --force goes with --revoke only")
    settings = load_settings(flags)
    if revoke:
        bootstrap.revoke(settings, force=force)
        print("revoked; it opens nothing any more")
    else:
        print(bootstrap.make(settings, renew=renew))


@gateway.command("callback-secret")
@click.option("--client", metavar="NAME", default=ANONYMOUS.client, show_default=True, help="Whose secret.")
@setting_flags(*CALLBACKS)
def callback_secret(*, client: str, **flags: str | None) -> None:
    """Show what a client's callbacks are signed with (Standard Webhooks 1.0)."""
    from cli.callbacks import callback_settings

    print(callback_settings(load_settings(flags)).secret_of(client))


def _serve(flags: Flags, name: str | None, *parts: str) -> None:
    settings = _connected(flags)
    from cli import serve as process

    process.run(settings, parts=frozenset(parts), name=name)


def _connected(flags: Flags) -> Settings:
    from cli.addresses import with_servers

    return with_servers(load_settings(flags))


if __name__ == "__main__":
    main()
