"""The hub: businesses, people, what they bought and what they asked."""
