"""What a person does with identities: sign in and out, look, and start programs as one of them."""
