"""Names of nodes: what ``{{EC2PrivateDNSName}}`` stands for."""
