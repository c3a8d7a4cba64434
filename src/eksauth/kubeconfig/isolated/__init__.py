"""Commands and shells that see one context only: a kubeconfig of their own, gone when they end."""
