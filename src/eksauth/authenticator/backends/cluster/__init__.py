"""Mappings in objects of the cluster: ConfigMaps and custom resources, watched."""
