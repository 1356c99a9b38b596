"""The book: accounts and positions as they come in, and the clean portfolio made of them."""

from levercap.book.cleaning import Book, clean_book
from levercap.book.reading import ACCOUNT_COLUMNS, POSITION_COLUMNS, read_book
from levercap.book.rejection import REJECTION_REASONS

__all__ = ["ACCOUNT_COLUMNS", "POSITION_COLUMNS", "REJECTION_REASONS", "Book", "clean_book", "read_book"]
