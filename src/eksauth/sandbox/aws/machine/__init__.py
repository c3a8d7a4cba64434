"""What programs on an AWS machine find there: container credentials and the instance metadata service."""
