"""The only writers of sealed state. Each act is one transaction: lock the chain, read, check, write, seal, tell."""
