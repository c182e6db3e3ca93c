"""The messenger runtime: channels, incoming, delivery, the buyer's dialogs and notices."""
