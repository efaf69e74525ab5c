"""Finds out how a helper signs, from one sample: encoding, hash, padding, user id, and what it took as the text.

It diagnoses and never admits: here stands arithmetic that fits what a login must refuse, such as signatures without Z,
SHA-1 and octets in reverse. No room of a login may import it; an import contract keeps it so.
"""
