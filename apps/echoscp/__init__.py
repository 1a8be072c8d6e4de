"""Verification SCP: answer C-ECHO requests."""
