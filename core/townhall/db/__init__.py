"""The database layer: engines, transactions, the town's own tables, and tables that grow with their schemas."""
