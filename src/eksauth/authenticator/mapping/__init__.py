"""From IAM identity to Kubernetes user and groups."""
