"""People of the town who are signed in for their own requests: their links, their sessions, their e-mail addresses."""
