"""Queries, passed on to cm-api."""
