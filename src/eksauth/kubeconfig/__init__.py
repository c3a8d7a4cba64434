"""Kubeconfig files: reading them with every position kept, merging them as kubectl does, and naming who gave what."""
