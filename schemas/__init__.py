"""What crosses the wire: topics, framing, CloudEvents headers, partitioning, Avro records."""
