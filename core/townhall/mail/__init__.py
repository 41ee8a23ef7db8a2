"""The door to the mail server: what waits in the outbox goes out by SMTP, once each."""
