"""Money: payment accounts, links, charging, refunds, receipts and the ledger."""
