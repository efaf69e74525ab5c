"""`certlogin certificate`: about a certificate in a file, without a site. One module for one action."""

import argparse

from certlogin.cli.certificate_check import CheckParser, add_check
from certlogin.cli.certificate_show import add_show


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser("certificate", help="look at and judge a certificate in a file", allow_abbrev=False)
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True, parser_class=CheckParser)
    for name, add, summary in (
        ("show", add_show, "what certlogin sees in it"),
        ("check", add_check, "whether it is good, and each check in order"),
    ):
        add(actions.add_parser(name, help=summary, allow_abbrev=False))
