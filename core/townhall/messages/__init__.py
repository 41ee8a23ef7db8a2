"""What the town writes to citizens: templates, the outbox, and letters for who has no e-mail address."""
