"""A plain endpoint to measure against: DRF, one model, its history. Nothing more."""
