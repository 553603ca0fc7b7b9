"""What is trained: one architecture per file; `build` makes one from its spec."""
