"""Fetching revocation lists and answers in the background. The only room that talks to strangers."""
