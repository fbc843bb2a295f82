"""The report of a cutover: what its journal holds, in words and as one page."""
