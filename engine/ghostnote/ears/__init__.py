"""Ears: what is heard, when it began, what it is, and how loud it is, while it still sounds."""
