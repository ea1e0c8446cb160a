"""Users, sign-in, second factor."""
