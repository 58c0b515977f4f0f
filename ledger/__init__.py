"""What happened: entries, chains, signatures, commitments, verification and exports; `acts` alone write them."""
