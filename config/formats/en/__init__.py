"""English, as read outside of America, too."""
