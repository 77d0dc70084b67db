"""What a message says: payloads kept with the alert, evidence, forms and templates."""
