"""What is told: rules times views, less what was told before and what is held back."""
