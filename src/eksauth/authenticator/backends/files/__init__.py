"""Mappings in files, noticed when they change."""
