"""Reading mappings without holding up requests: small contents in a thread, large ones in a process of their own."""
