"""The preview: what a program declares, learned without an engine, judged and reported."""
