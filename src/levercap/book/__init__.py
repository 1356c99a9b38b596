"""The book: accounts and positions as they come in, and the clean portfolio made of them."""

from levercap.book.cleaning import ACCOUNT_COLUMNS, POSITION_COLUMNS, REASONS, Book, clean_book, read_book

__all__ = ["ACCOUNT_COLUMNS", "POSITION_COLUMNS", "REASONS", "Book", "clean_book", "read_book"]
