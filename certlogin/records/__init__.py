"""Frozen values that the rooms hand to each other. PURE: no clock, no I/O, no behaviour beyond reading themselves."""
