"""What a cutover sees."""
