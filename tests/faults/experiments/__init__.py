"""The experiments: each makes one kind of thing go wrong, many times, and gives reports."""
