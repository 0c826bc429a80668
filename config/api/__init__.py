"""What every endpoint shares: errors, permissions, pages."""
