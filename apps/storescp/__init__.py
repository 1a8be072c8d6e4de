"""Storage SCP: receive files with C-STORE requests."""
