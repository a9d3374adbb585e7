"""Many points of one function, in this process or on many."""
