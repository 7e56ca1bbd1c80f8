"""The law as pure functions and models: who may have what, in which form. No I/O, no clock."""
