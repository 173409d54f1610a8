"""Requests that are sent when they are due, whatever the answers do."""
