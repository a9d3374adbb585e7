"""The buyer's world: demand, supply and futures as a tree of dated events."""
