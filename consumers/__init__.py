"""What subscribers use: the SDK (``subscription``), and oversight."""
