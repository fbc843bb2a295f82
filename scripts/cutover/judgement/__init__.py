"""The judgement of a cutover, and nothing else: from what was observed to what is to be done."""
