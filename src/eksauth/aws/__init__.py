"""Facts about AWS: ARNs, partitions, access key ids, policies, botocore sessions."""
