"""What the applications share: options, configuration, logging, output and exit codes."""
