"""Answers as tables, text and JSON."""
