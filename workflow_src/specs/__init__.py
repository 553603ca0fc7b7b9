"""What a job receives: the specifications that a preset resolves to, one noun per file.

They know neither presets nor systems, so that the code of a job does not change with what a preset may say.
"""
