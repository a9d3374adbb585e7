"""Which rule says what of a chip, where, when: classification under dated export controls."""
