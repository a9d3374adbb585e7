"""The verbs: each composes the rooms into one answer."""
