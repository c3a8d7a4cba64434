"""IAM Roles Anywhere: sessions for whoever holds a certificate of a trusted authority."""
