"""The AWS side of the sandbox: strict STS, IAM through moto, EKS, on one TLS loopback port.

``python -m eksauth.sandbox.aws --config FILE`` runs it as a process; :class:`eksauth.sandbox.aws.endpoint.AwsEndpoint`
embeds it.
"""
