"""The pages of managers' figures: what comes in, how long it takes, where it stands, how people reach the town."""
