"""What is broken, risky or stale in kubeconfig files; each rule says where, what and how to mend it."""
