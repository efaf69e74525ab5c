"""Walks the demonstration as a person with a browser would: its own cookie jar, the pages' forms, their JSON API."""
