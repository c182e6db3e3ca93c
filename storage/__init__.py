"""How things are kept: the database, durable jobs, the event log, live notes, files. Knows how, not what."""
