"""A witness of transparency logs, which any agency can run: C2SP tlog-witness."""
