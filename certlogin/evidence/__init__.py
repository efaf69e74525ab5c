"""PURE: what is kept of every signed agreement, and how anybody can check it later without us."""
