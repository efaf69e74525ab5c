"""Settings by concern, as frozen dataclasses with the names of the TOML file; `loader.py` is its only reader."""

from certlogin.settings.loader import load_settings
from certlogin.settings.model import Settings

__all__ = ["Settings", "load_settings"]
