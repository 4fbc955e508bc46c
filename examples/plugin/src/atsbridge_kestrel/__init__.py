"""Kestrel for atsbridge."""
