"""Where mappings live while the server runs: loaded, watched, kept when what replaces them is broken."""
