"""EKS access entries and access policies, for any cluster: who gets in, and what the policies of an entry grant."""
