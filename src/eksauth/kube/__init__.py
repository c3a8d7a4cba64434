"""A thin Kubernetes API side: RBAC evaluation and whoami."""
