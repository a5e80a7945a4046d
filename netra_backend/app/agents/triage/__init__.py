"""What a user asks: intent, slots, route and reasons, from rules first and a trained classifier second."""
