"""The version of this package; four-part, like every version a helper reports."""

__version__ = "0.1.0.0"
