"""The pytest plugin; its fixtures import the sandbox only when a test asks for them."""
