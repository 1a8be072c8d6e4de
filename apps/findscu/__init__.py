"""Query SCU: send C-FIND requests."""
