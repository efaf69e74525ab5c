"""`certlogin evidence`: what users have signed, kept so that anybody can check it. A module for each kind of action."""

import argparse

from certlogin.cli.evidence_check import add_verify
from certlogin.cli.evidence_desk import add_export, add_list, add_redact, add_reseal
from certlogin.cli.evidence_seal import add_checkpoint, add_init_key


def register(subcommands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    group = subcommands.add_parser(
        "evidence", help="list, export and verify what users have signed", allow_abbrev=False
    )
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, add, summary in (
        ("list", add_list, "show what is kept, without what users wrote"),
        ("export", add_export, "write everything into a file that can be verified elsewhere"),
        ("verify", add_verify, "check such a file, with nothing but trust anchors and keys of checkpoints"),
        ("checkpoint", add_checkpoint, "sign the end of the chain"),
        ("init-key", add_init_key, "make a key for checkpoints"),
        ("redact", add_redact, "erase what users wrote; the rest stays verifiable"),
        ("reseal", add_reseal, "seal what is kept with the first of [personal] keys"),
    ):
        add(actions.add_parser(name, help=summary, allow_abbrev=False))
