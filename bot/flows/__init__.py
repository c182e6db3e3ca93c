"""What the bot says: the buyer's dialogs and the owner's notices, in our own vocabulary, for every messenger alike."""
