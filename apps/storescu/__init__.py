"""Storage SCU: send files with C-STORE requests."""
