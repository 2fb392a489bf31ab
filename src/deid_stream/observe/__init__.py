"""What can be seen from outside: metrics, health, logs. No content of any call is in any of them."""
