"""The notary: makes of the audit a log that nobody can alter unseen."""
