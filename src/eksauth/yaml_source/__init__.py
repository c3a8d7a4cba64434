"""YAML that knows its lines, and stays small whatever the text wants to become."""
