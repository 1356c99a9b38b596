"""Builders and readers that several tests share."""
