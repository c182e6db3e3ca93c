"""What would be the same in any program: configuration, errors, money, clock, texts. Grows only by a decision."""
