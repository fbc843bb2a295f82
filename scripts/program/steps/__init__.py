"""The steps of a program's deployment: each looks at the chain before and after it acts."""
