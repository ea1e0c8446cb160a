"""`kalends company create`: a company from the command line, with its owner and, if asked, an API key."""

from __future__ import annotations

import argparse
import secrets

from kalends.ops.commands.base import Command, set_up


def _arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser(
        "create",
        help="make a company and its owner",
        epilog="example: kalends company create --name 'Lakeside Clinic' --slug lakeside --timezone Europe/Paris "
        "--owner-email owner@example.org --api-key",
    )
    create.add_argument("--name", required=True)
    create.add_argument("--slug", required=True, help="the address of its booking page: /SLUG")
    create.add_argument("--timezone", required=True, metavar="ZONE", help="IANA name, for example Europe/Paris")
    create.add_argument("--owner-email", required=True, metavar="ADDRESS")
    owner = create.add_mutually_exclusive_group()
    owner.add_argument("--owner-password", metavar="PASSWORD", help="default: one is made and printed")
    owner.add_argument(
        "--existing-owner",
        action="store_true",
        help="the address has an account, and you know that it is the owner's; its password stays",
    )
    create.add_argument("--api-key", action="store_true", help="also make an API key (read and write); printed once")


def _run(options: argparse.Namespace) -> int:
    set_up()
    from kalends.ops.companies import create_company_with_owner  # noqa: PLC0415 - app ready

    password = options.owner_password or secrets.token_urlsafe(12)
    made = create_company_with_owner(
        name=options.name,
        slug=options.slug,
        timezone=options.timezone,
        email=options.owner_email,
        password=password,
        api_key=options.api_key,
        existing_owner=options.existing_owner,
    )
    print(f"company  {made.company.id}  {made.url}")
    printed = not (options.owner_password or options.existing_owner)
    print(f"owner    {options.owner_email}" + (f"  password {password}" if printed else ""))
    if made.api_key:
        print(f"api key  {made.api_key}")
    return 0


COMPANY = Command(
    "company",
    "Make a company.",
    "kalends company create --name 'Lakeside Clinic' --slug lakeside --timezone Europe/Paris --owner-email o@example.org",
    _run,
    _arguments,
)
