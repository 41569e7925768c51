"""The only package that knows pymongo, beside the domains' stores: connection, transactions, errors, positions."""
