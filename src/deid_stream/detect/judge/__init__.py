"""What weighs guesses against each other before they are resolved."""
