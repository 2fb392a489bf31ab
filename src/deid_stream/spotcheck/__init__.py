"""A sample of released calls is listened to again, off the hot path; a find takes the call's records back."""
