"""The least that a program made with click does: what start-up is measured against."""

from __future__ import annotations

import click


@click.group()
def cli() -> None:
    """A program with one command."""


@cli.command()
@click.argument("name")
def greet(name: str) -> None:
    """Greet somebody."""
    click.echo(f"hello {name}")


if __name__ == "__main__":
    cli()
