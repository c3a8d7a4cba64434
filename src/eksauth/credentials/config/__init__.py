"""What identities there are: the ``auth`` section of ``eksauth.yaml`` or ``atmos.yaml``, read and checked."""
