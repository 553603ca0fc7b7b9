"""Doors: one file per rule, with the same name. Objects in, objects out; files only in `main`."""
