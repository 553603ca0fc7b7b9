"""Doors: one file per rule, with the same name. Objects in, objects out; files only in `main`."""

import gc
import sys

# Started as a program (`python -m`), a step imports some hundred thousand objects that live to its end, and the
# collector would look through them again and again. `arguments.run` turns it on.
if sys.argv[0] == "-m":
    gc.disable()
