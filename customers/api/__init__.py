"""Endpoints of customers: the documents' contracts, thin faces over the services."""
