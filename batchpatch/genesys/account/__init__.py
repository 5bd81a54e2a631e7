"""The account: who we are to the platform, and where it is."""
