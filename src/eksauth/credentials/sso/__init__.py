"""IAM Identity Center: signing in to a portal, its accounts and permission sets, signing out.

The order of reading: ``portal`` and ``token`` are the values, ``files`` the AWS CLI's own directory, ``tokens`` decides
where an access token comes from (``refresh``, or ``sign_in`` by ``device`` or ``code_grant``), ``calls`` asks the
portal; ``provider`` and ``permission_set`` are the links of a chain.
"""
