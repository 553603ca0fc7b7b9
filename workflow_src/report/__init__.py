"""The page of a preset's results: what it says (`content.py`), in which words (`captions.py`), and how it looks."""
