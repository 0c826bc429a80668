"""What every endpoint of HTTP builds on: errors, problem documents, rates."""
