"""For tests and demonstrations of a host: what is not made in a moment otherwise. Never imported by the product."""

from certlogin.testing.handed_out import HandedOut, Office, hand_out

__all__ = ["HandedOut", "Office", "hand_out"]
