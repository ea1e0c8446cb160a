"""Local stand-ins of the calendar providers, for the demo and for tests, with a page to watch two-way sync.

They share no code with the product's own providers, so that one mistake cannot hide in both.
"""
