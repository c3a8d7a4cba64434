"""The kubeconfig entries that follow an identity."""
