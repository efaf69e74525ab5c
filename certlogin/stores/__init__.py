"""Volatile stores (attempts, nonces, ended tickets, rates) and the durable store (registry, orders, grants, audit)."""
