"""Telephony platforms' streams into the topics (extra ``bridge``)."""
