"""What listens, and how much it lets in."""
