"""Which AWS identity am I: environment, shared files, cached and assumed roles."""
