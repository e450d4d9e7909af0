"""The page of a model: one HTML file that shows and plays what it learnt, with nothing outside it."""

from ghostnote_training.page.document import Example, Page, write

__all__ = ["Example", "Page", "write"]
