"""The constraint families of the plan, each in words, as an inequality and as algebra.

A family takes the draft, adds its rows under its name, and knows nothing of the other families.
"""
