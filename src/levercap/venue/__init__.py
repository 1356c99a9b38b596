"""What an exchange prescribes: leverage tiers and margin."""
