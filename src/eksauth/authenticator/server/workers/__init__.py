"""Several processes that share a port and look like one server."""
