"""What the API of this app answers: step-up."""
